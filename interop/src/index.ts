// RFC 9420 behind the gRPC interface of the working group's interoperability harness.

export { copseImplementation } from "./copse/implementation.js";
export { connect, type Message, type RemoteClient, type RunningServer, serve } from "./grpc.js";
export {
  type CommitAnswer,
  type CommitChoice,
  type ExtensionChoice,
  type GroupInfoAnswer,
  type ImplementationGroup,
  type ImplementationJoiner,
  type ImplementationSigner,
  type MlsImplementation,
  type NewGroupAnswer,
  type NewGroupChoice,
  type PrivateKeys,
  type ProposalChoice,
  type ReinitMember,
  UnsupportedByImplementation,
  type WelcomeChoice,
} from "./implementation.js";
export { libraryFile, libraryNames } from "./runner/library.js";
export { readScriptFile, type ScriptFile } from "./runner/script.js";
export type { Player } from "./runner/stage.js";
export { meet, type Performance, Summary, type TourOptions, tour } from "./runner/tour.js";
export { isProviderName, PROVIDERS, type ProviderName } from "./server/providers.js";
export { mlsClientService } from "./service.js";
export { takeVector, vector } from "./wire.js";
