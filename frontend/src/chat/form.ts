/** The form in a frame: it tells the page around it that it is open, so that the frame stays large. */
import { tell } from "./host";

tell({ jiying: "size", open: true });
