// RFC 9420 §8, §12.4: the parts of ts-mls that its entry point doesn't export, and that commits are put together from.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { defaultExtensionTypes } from "ts-mls";
import type * as ClientState from "../../node_modules/ts-mls/dist/src/clientState.js";
import type * as Kdf from "../../node_modules/ts-mls/dist/src/crypto/kdf.js";
import type * as FramedContent from "../../node_modules/ts-mls/dist/src/framedContent.js";
import type * as GroupInfo from "../../node_modules/ts-mls/dist/src/groupInfo.js";
import type * as KeySchedule from "../../node_modules/ts-mls/dist/src/keySchedule.js";
import type * as PrivateFraming from "../../node_modules/ts-mls/dist/src/messageProtection.js";
import type * as PublicFraming from "../../node_modules/ts-mls/dist/src/messageProtectionPublic.js";
import type * as ParentHash from "../../node_modules/ts-mls/dist/src/parentHash.js";
import type * as PathSecrets from "../../node_modules/ts-mls/dist/src/pathSecrets.js";
import type * as PrivateKeyPath from "../../node_modules/ts-mls/dist/src/privateKeyPath.js";
import type * as PskIndex from "../../node_modules/ts-mls/dist/src/pskIndex.js";
import type * as RatchetTree from "../../node_modules/ts-mls/dist/src/ratchetTree.js";
import type * as SecretTree from "../../node_modules/ts-mls/dist/src/secretTree.js";
import type * as TreeHash from "../../node_modules/ts-mls/dist/src/treeHash.js";
import type * as UpdatePath from "../../node_modules/ts-mls/dist/src/updatePath.js";
import type * as Welcome from "../../node_modules/ts-mls/dist/src/welcome.js";

const entry = pathToFileURL(createRequire(import.meta.url).resolve("ts-mls"));
// The package's exports map names only its entry, so the files beside it are imported by address.
const beside = <T>(file: string): Promise<T> => import(/* @vite-ignore */ new URL(file, entry).href);

// Its external_senders (§12.1.8.1) hold one sender where the RFC has a list of them, so that it can't read a group
// that has any; and two required_capabilities (§11.1) are the same to it only if they are one object, so that it
// joins no group that was reinitialized with them. Both are default extensions with opaque data under names that
// mean nothing to it.
Object.assign(defaultExtensionTypes, {
  required_capabilities: -1,
  required_capabilities_as_bytes: 3,
  external_senders: -2,
  external_senders_as_bytes: 5,
});

export const clientState = await beside<typeof ClientState>("clientState.js");
export const framedContent = await beside<typeof FramedContent>("framedContent.js");
export const groupInfos = await beside<typeof GroupInfo>("groupInfo.js");
export const kdf = await beside<typeof Kdf>("crypto/kdf.js");
export const keySchedule = await beside<typeof KeySchedule>("keySchedule.js");
export const parentHash = await beside<typeof ParentHash>("parentHash.js");
export const pathSecrets = await beside<typeof PathSecrets>("pathSecrets.js");
export const privateFraming = await beside<typeof PrivateFraming>("messageProtection.js");
export const privateKeyPath = await beside<typeof PrivateKeyPath>("privateKeyPath.js");
export const pskIndex = await beside<typeof PskIndex>("pskIndex.js");
export const publicFraming = await beside<typeof PublicFraming>("messageProtectionPublic.js");
export const ratchetTrees = await beside<typeof RatchetTree>("ratchetTree.js");
export const secretTree = await beside<typeof SecretTree>("secretTree.js");
export const treeHash = await beside<typeof TreeHash>("treeHash.js");
export const updatePath = await beside<typeof UpdatePath>("updatePath.js");
export const welcomes = await beside<typeof Welcome>("welcome.js");
