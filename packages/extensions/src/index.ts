// Extensions of Messaging Layer Security, each to be given to a client: RFC 9420 §13.5 and draft-ietf-mls-extensions.
export type { AppComponent } from "./app-component.js";
export { type AppDataOptions, appData } from "./app-data.js";
export { APP_DATA_UPDATE, appDataRemove, appDataUpdate } from "./app-data-update.js";
export { APP_EPHEMERAL, appEphemeral, ephemeralDataOf } from "./app-ephemeral.js";
export {
  ComponentId,
  componentLabel,
  decryptAsComponent,
  encryptAsComponent,
  GREASE_COMPONENTS,
  safeDecryptWithLabel,
  safeEncryptWithLabel,
  safeSignWithLabel,
  safeVerifyWithLabel,
  signAsComponent,
  verifyAsComponent,
} from "./component.js";
export { COMPONENT_PSK, componentPsk, componentPsks } from "./component-psk.js";
export {
  APP_DATA_DICTIONARY,
  AppDataDictionary,
  appDataDictionary,
  ComponentData,
  ComponentsList,
  componentDataIn,
  componentIn,
} from "./dictionary.js";
export { GREASE_VALUES, grease } from "./grease.js";
export {
  earlierLastResortKeyPackage,
  isLastResort,
  lastResort,
  lastResortKeyPackage,
} from "./last-resort.js";
export { readSafeAad, SafeAAD, SafeAADItem, safeAad, usesSafeAad } from "./safe-aad.js";
export { safeExporter, safeExportSecret } from "./safe-exporter.js";
export { SELF_REMOVE, selfRemove, selfRemoveProposal } from "./self-remove.js";
