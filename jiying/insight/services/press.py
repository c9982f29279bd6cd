"""HTML from stdin to PDF on stdout, by WeasyPrint, in a process of its own: `python -m jiying.insight.services.press`.

Knows nothing of Jiying and fetches nothing: the page has its styles and pictures within. Exit 3: something of the
system is missing, named on stderr (`pango`, `fonts`).
"""

import shutil
import subprocess
import sys

MISSING = 3


def main() -> int:
    if not _has_chinese():
        sys.stderr.write("fonts")
        return MISSING
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except OSError:  # its libraries are looked up when it is imported
        sys.stderr.write("pango")
        return MISSING
    html = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf())
    return 0


def _has_chinese() -> bool:
    """Whether there is a font for Chinese, as far as fontconfig's own tool can say."""
    tool = shutil.which("fc-list")
    if tool is None:
        return True
    return bool(subprocess.run([tool, ":lang=zh", "family"], capture_output=True, check=False).stdout.strip())  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
