"""Django's own commands in a checkout; users have `jiying`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
