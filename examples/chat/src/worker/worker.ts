// A person's worker: all keys and all messages are here, and the page has only what it shows.
import { type Port, serve } from "../shared/bridge.js";
import type { View } from "../shared/view.js";
import { Chat } from "./chat.js";
import { explain } from "./explain.js";
import { connect } from "./service.js";

let show: (view: View) => void = () => undefined;
const chat = new Chat(connect, (view) => show(view));
show = serve(self as unknown as Port, chat, explain);
