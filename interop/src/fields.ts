// The fields of the MLSClient service's messages, read into what an implementation takes.
import type { Message } from "./grpc.js";
import type {
  CommitChoice,
  ExtensionChoice,
  NewGroupChoice,
  PrivateKeys,
  ProposalChoice,
  WelcomeChoice,
} from "./implementation.js";

/** A copy: what gRPC gives are Buffers, whose `slice` shares memory. */
export function bytes(message: Message, field: string): Uint8Array {
  const value = message[field];
  return value instanceof Uint8Array ? new Uint8Array(value) : new Uint8Array(0);
}

export function given(message: Message, field: string): Uint8Array | undefined {
  const value = bytes(message, field);
  return value.length > 0 ? value : undefined;
}

export function list(message: Message, field: string): Uint8Array[] {
  const value = message[field] as readonly Uint8Array[] | undefined;
  return (value ?? []).map((one) => new Uint8Array(one));
}

export function messages(message: Message, field: string): readonly Message[] {
  return (message[field] as readonly Message[] | undefined) ?? [];
}

export const number = (message: Message, field: string): number => Number(message[field] ?? 0);
export const flag = (message: Message, field: string): boolean => message[field] === true;
export const text = (message: Message, field: string): string => String(message[field] ?? "");

export function extensions(message: Message): ExtensionChoice[] {
  return messages(message, "extensions").map((one) => ({
    extensionType: number(one, "extension_type"),
    extensionData: bytes(one, "extension_data"),
  }));
}

/** A proposal of the kinds that a request may describe. */
export function described(description: Message): ProposalChoice {
  const type = new TextDecoder().decode(bytes(description, "proposal_type"));
  switch (type) {
    case "add":
      return { type, keyPackage: bytes(description, "key_package") };
    case "remove":
      return { type, identity: bytes(description, "removed_id") };
    case "externalPSK":
      return { type: "externalPsk", pskId: bytes(description, "psk_id") };
    case "resumptionPSK":
      return { type: "resumptionPsk", epoch: BigInt(text(description, "epoch_id") || 0) };
    case "groupContextExtensions":
      return { type: "extensions", extensions: extensions(description) };
    case "reinit":
      return {
        type,
        groupId: bytes(description, "group_id"),
        cipherSuite: number(description, "cipher_suite"),
        extensions: extensions(description),
      };
    default:
      throw new Error(`a proposal of type "${type}"`);
  }
}

export function commitChoice(request: Message): CommitChoice {
  return {
    byReference: list(request, "by_reference"),
    byValue: messages(request, "by_value").map(described),
    forcePath: flag(request, "force_path"),
    externalTree: flag(request, "external_tree"),
  };
}

export const newGroupChoice = (request: Message, keyPackages: string): NewGroupChoice => ({
  keyPackages: list(request, keyPackages),
  forcePath: flag(request, "force_path"),
  externalTree: flag(request, "external_tree"),
});

export const welcomeChoice = (request: Message): WelcomeChoice => ({
  welcome: bytes(request, "welcome"),
  ratchetTree: given(request, "ratchet_tree"),
});

export const privateKeyFields = ({ init, encryption, signature }: PrivateKeys): Message => ({
  init_priv: init,
  encryption_priv: encryption,
  signature_priv: signature,
});
