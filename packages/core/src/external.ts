// RFC 9420 §12.1.8, §12.4.3.2: joining from outside, without being added. An entry of its own: most clients are added.
// Members need nothing of it to receive such commits and proposals.
export {
  type ExternalJoin,
  type ExternalJoinOptions,
  joinByExternalCommit,
  proposeJoin,
} from "./client/apart/external.js";
