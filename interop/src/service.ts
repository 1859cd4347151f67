// RFC 9420 §11, §12: the calls of the MLSClient service over any implementation, with the numbers that stand for its objects.

import { type Handlers, type Message, NotFound } from "./grpc.js";
import type {
  CommitChoice,
  ExtensionChoice,
  ImplementationGroup,
  ImplementationJoiner,
  ImplementationSigner,
  MlsImplementation,
  PrivateKeys,
  ProposalChoice,
  ReinitMember,
} from "./implementation.js";

/** A copy: what gRPC gives are Buffers, whose `slice` shares memory. */
function bytes(message: Message, field: string): Uint8Array {
  const value = message[field];
  return value instanceof Uint8Array ? new Uint8Array(value) : new Uint8Array(0);
}

function given(message: Message, field: string): Uint8Array | undefined {
  const value = bytes(message, field);
  return value.length > 0 ? value : undefined;
}

function list(message: Message, field: string): Uint8Array[] {
  const value = message[field] as readonly Uint8Array[] | undefined;
  return (value ?? []).map((one) => new Uint8Array(one));
}

function messages(message: Message, field: string): readonly Message[] {
  return (message[field] as readonly Message[] | undefined) ?? [];
}

const number = (message: Message, field: string): number => Number(message[field] ?? 0);
const flag = (message: Message, field: string): boolean => message[field] === true;
const text = (message: Message, field: string): string => String(message[field] ?? "");

function extensions(message: Message): ExtensionChoice[] {
  return messages(message, "extensions").map((one) => ({
    extensionType: number(one, "extension_type"),
    extensionData: bytes(one, "extension_data"),
  }));
}

function described(description: Message): ProposalChoice {
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

function commitChoice(request: Message): CommitChoice {
  return {
    byReference: list(request, "by_reference"),
    byValue: messages(request, "by_value").map(described),
    forcePath: flag(request, "force_path"),
    externalTree: flag(request, "external_tree"),
  };
}

const newGroupChoice = (request: Message, keyPackages: string) => ({
  keyPackages: list(request, keyPackages),
  forcePath: flag(request, "force_path"),
  externalTree: flag(request, "external_tree"),
});

const welcomeChoice = (request: Message) => ({
  welcome: bytes(request, "welcome"),
  ratchetTree: given(request, "ratchet_tree"),
});

const privateKeyFields = ({ init, encryption, signature }: PrivateKeys): Message => ({
  init_priv: init,
  encryption_priv: encryption,
  signature_priv: signature,
});

/**
 * The objects of one kind. Numbers come from one space for all kinds, since `StorePSK` takes either a state's or a
 * transaction's.
 */
class Shelf<T> {
  private readonly objects = new Map<number, T>();
  private readonly kind: string;
  private readonly next: () => number;

  constructor(kind: string, next: () => number) {
    this.kind = kind;
    this.next = next;
  }

  put(object: T): number {
    const id = this.next();
    this.objects.set(id, object);
    return id;
  }

  find(id: number): T | undefined {
    return this.objects.get(id);
  }

  get(request: Message, field: string): T {
    const found = this.find(number(request, field));
    if (found === undefined) throw new NotFound(`no ${this.kind} ${number(request, field)}`);
    return found;
  }

  drop(id: number): void {
    this.objects.delete(id);
  }
}

/** All calls of the service, for {@link serve}. */
export function mlsClientService(implementation: MlsImplementation): Handlers {
  let last = 0;
  const next = () => {
    last += 1;
    return last;
  };
  const states = new Shelf<ImplementationGroup>("state", next);
  const transactions = new Shelf<ImplementationJoiner>("transaction", next);
  const reinits = new Shelf<{ member: ReinitMember; from: ImplementationGroup }>("reinit", next);
  const signers = new Shelf<ImplementationSigner>("signer", next);

  const state = (request: Message) => states.get(request, "state_id");
  const entered = (group: ImplementationGroup): Message => ({
    state_id: states.put(group),
    epoch_authenticator: group.epochAuthenticator,
  });
  // A state keeps its number from epoch to epoch.
  const advanced = (request: Message): Message => ({
    state_id: number(request, "state_id"),
    epoch_authenticator: state(request).epochAuthenticator,
  });
  const propose = async (request: Message, choice: ProposalChoice): Promise<Message> => ({
    proposal: await state(request).propose(choice),
  });
  const commit = async (request: Message): Promise<Message> => {
    const { commit, welcome, ratchetTree } = await state(request).commit(commitChoice(request));
    return { commit, welcome, ratchet_tree: ratchetTree };
  };
  const reinitialized = async (request: Message): Promise<Message> => {
    const from = state(request);
    const member = await from.prepareReinit();
    // The group itself is needed until the new one is there, its number no more.
    states.drop(number(request, "state_id"));
    return {
      reinit_id: reinits.put({ member, from }),
      key_package: member.keyPackage,
      epoch_authenticator: from.epochAuthenticator,
    };
  };
  const finishReinit = async (request: Message): Promise<void> => {
    await reinits.get(request, "reinit_id").from.free();
    reinits.drop(number(request, "reinit_id"));
  };

  return {
    Name: async () => ({ name: implementation.name }),
    SupportedCiphersuites: async () => ({ ciphersuites: implementation.suites }),

    CreateGroup: async (request) => {
      const group = await implementation.createGroup({
        groupId: bytes(request, "group_id"),
        cipherSuite: number(request, "cipher_suite"),
        encryptHandshake: flag(request, "encrypt_handshake"),
        identity: bytes(request, "identity"),
      });
      return { state_id: states.put(group) };
    },
    CreateKeyPackage: async (request) => {
      const joiner = await implementation.createKeyPackage({
        cipherSuite: number(request, "cipher_suite"),
        identity: bytes(request, "identity"),
      });
      return {
        transaction_id: transactions.put(joiner),
        key_package: joiner.keyPackage,
        ...privateKeyFields(joiner.privateKeys),
      };
    },
    JoinGroup: async (request) => {
      const joiner = transactions.get(request, "transaction_id");
      const group = await joiner.join({
        ...welcomeChoice(request),
        encryptHandshake: flag(request, "encrypt_handshake"),
      });
      transactions.drop(number(request, "transaction_id"));
      return entered(group);
    },
    ExternalJoin: async (request) => {
      const { group, commit } = await implementation.externalJoin({
        groupInfo: bytes(request, "group_info"),
        ratchetTree: given(request, "ratchet_tree"),
        encryptHandshake: flag(request, "encrypt_handshake"),
        identity: bytes(request, "identity"),
        removePrior: flag(request, "remove_prior"),
        psks: messages(request, "psks").map((psk) => ({
          id: bytes(psk, "psk_id"),
          secret: bytes(psk, "psk_secret"),
        })),
      });
      return { ...entered(group), commit };
    },

    GroupInfo: async (request) => {
      const { groupInfo, ratchetTree } = await state(request).groupInfo(flag(request, "external_tree"));
      return { group_info: groupInfo, ratchet_tree: ratchetTree };
    },
    StateAuth: async (request) => ({ state_auth_secret: state(request).epochAuthenticator }),
    Export: async (request) => ({
      exported_secret: await state(request).exportSecret(
        text(request, "label"),
        bytes(request, "context"),
        number(request, "key_length"),
      ),
    }),
    Protect: async (request) => ({
      ciphertext: await state(request).protect(
        bytes(request, "plaintext"),
        bytes(request, "authenticated_data"),
      ),
    }),
    Unprotect: async (request) => {
      const { plaintext, authenticatedData } = await state(request).unprotect(bytes(request, "ciphertext"));
      return { plaintext, authenticated_data: authenticatedData };
    },
    StorePSK: async (request) => {
      const id = number(request, "state_or_transaction_id");
      const holder = states.find(id) ?? transactions.get(request, "state_or_transaction_id");
      holder.storePsk(bytes(request, "psk_id"), bytes(request, "psk_secret"));
      return {};
    },

    AddProposal: (request) => propose(request, { type: "add", keyPackage: bytes(request, "key_package") }),
    UpdateProposal: (request) => propose(request, { type: "update" }),
    RemoveProposal: (request) => propose(request, { type: "remove", identity: bytes(request, "removed_id") }),
    ExternalPSKProposal: (request) =>
      propose(request, { type: "externalPsk", pskId: bytes(request, "psk_id") }),
    ResumptionPSKProposal: (request) =>
      propose(request, { type: "resumptionPsk", epoch: BigInt(text(request, "epoch_id") || 0) }),
    GroupContextExtensionsProposal: (request) =>
      propose(request, { type: "extensions", extensions: extensions(request) }),

    Commit: commit,
    HandleCommit: async (request) => {
      await state(request).receiveCommit(bytes(request, "commit"), list(request, "proposal"));
      return advanced(request);
    },
    HandlePendingCommit: async (request) => {
      await state(request).mergeCommit();
      return advanced(request);
    },

    ReInitProposal: (request) =>
      propose(request, {
        type: "reinit",
        groupId: bytes(request, "group_id"),
        cipherSuite: number(request, "cipher_suite"),
        extensions: extensions(request),
      }),
    ReInitCommit: commit,
    HandlePendingReInitCommit: async (request) => {
      await state(request).mergeCommit();
      return reinitialized(request);
    },
    HandleReInitCommit: async (request) => {
      await state(request).receiveCommit(bytes(request, "commit"), list(request, "proposal"));
      return reinitialized(request);
    },
    ReInitWelcome: async (request) => {
      const { member } = reinits.get(request, "reinit_id");
      const { group, welcome, ratchetTree } = await member.create(newGroupChoice(request, "key_package"));
      await finishReinit(request);
      return { ...entered(group), welcome, ratchet_tree: ratchetTree };
    },
    HandleReInitWelcome: async (request) => {
      const { member } = reinits.get(request, "reinit_id");
      const group = await member.join(welcomeChoice(request));
      await finishReinit(request);
      return entered(group);
    },

    CreateBranch: async (request) => {
      const { group, welcome, ratchetTree } = await state(request).branch({
        ...newGroupChoice(request, "key_packages"),
        groupId: bytes(request, "group_id"),
        extensions: extensions(request),
      });
      return { ...entered(group), welcome, ratchet_tree: ratchetTree };
    },
    HandleBranch: async (request) => {
      const joiner = transactions.get(request, "transaction_id");
      const group = await joiner.joinBranch(state(request), welcomeChoice(request));
      transactions.drop(number(request, "transaction_id"));
      return entered(group);
    },

    NewMemberAddProposal: async (request) => {
      const { joiner, proposal } = await implementation.newMemberAddProposal({
        groupInfo: bytes(request, "group_info"),
        identity: bytes(request, "identity"),
      });
      return {
        transaction_id: transactions.put(joiner),
        proposal,
        ...privateKeyFields(joiner.privateKeys),
      };
    },
    CreateExternalSigner: async (request) => {
      const signer = await implementation.createExternalSigner({
        cipherSuite: number(request, "cipher_suite"),
        identity: bytes(request, "identity"),
      });
      return { signer_id: signers.put(signer), external_sender: signer.externalSender };
    },
    AddExternalSigner: (request) =>
      propose(request, { type: "externalSender", externalSender: bytes(request, "external_sender") }),
    ExternalSignerProposal: async (request) => ({
      proposal: await signers
        .get(request, "signer_id")
        .propose(
          { groupInfo: bytes(request, "group_info"), ratchetTree: given(request, "ratchet_tree") },
          described(request.description as Message),
        ),
    }),

    // A state may be let go of by each of the numbers that it had, also by those of before a reinitialization.
    Free: async (request) => {
      const id = number(request, "state_id");
      if (id < 1 || id > last) throw new NotFound(`no state ${id}`);
      await states.find(id)?.free();
      states.drop(id);
      return {};
    },
  };
}
