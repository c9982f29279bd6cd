/** Entry of every page: htmx, Alpine (CSP build) and our islands. Islands find their elements by data attributes. */
import htmx from "htmx.org";
import Alpine from "@alpinejs/csp";
import "htmx.org/dist/ext/hx-alpine-compat.js";
import { startAttach } from "./attach";
import { startComposer } from "./composer";
import { startCountdowns } from "./countdown";
import { startDialogs } from "./dialogs";
import { startDrafts } from "./drafts";
import { startFiles } from "./files";
import { startFrame } from "./frame";
import { startKeys } from "./keys";
import { startLive } from "./live";
import { startPicker } from "./picker";
import { startRequests } from "./requests";
import { readPageTime } from "./servertime";
import { startNotices } from "./toasts";
import { startWatching } from "./watching";
import { startWorkspace } from "./workspace";

Object.assign(window, { htmx, Alpine });
readPageTime();
startRequests();
startFrame();
startFiles();
startDialogs();
startNotices();
startKeys();
startDrafts();
startComposer();
startPicker();
startAttach();
startCountdowns();
startLive();
startWorkspace();
startWatching();
Alpine.start();
document.documentElement.dataset["ready"] = ""; // tests wait for it
