// The entry: starts the page's parts. It accepts none of them; each knows how to replace itself.
import "./theme.css";
import "./counter.js";
import "./log.js";
