// RFC 9420 §11, §12: the calls of the MLSClient service over any implementation, with the numbers that stand for its objects.

import {
  bytes,
  commitChoice,
  described,
  extensions,
  flag,
  given,
  list,
  messages,
  newGroupChoice,
  number,
  privateKeyFields,
  text,
  welcomeChoice,
} from "./fields.js";
import { type Handlers, type Message, NotFound } from "./grpc.js";
import type {
  ImplementationGroup,
  ImplementationJoiner,
  ImplementationSigner,
  MlsImplementation,
  ProposalChoice,
  ReinitMember,
} from "./implementation.js";

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

/** The objects that clients of the service hold numbers of. */
class ServiceObjects {
  private last = 0;
  private readonly next = (): number => {
    this.last += 1;
    return this.last;
  };

  readonly states = new Shelf<ImplementationGroup>("state", this.next);
  readonly transactions = new Shelf<ImplementationJoiner>("transaction", this.next);
  readonly reinits = new Shelf<{ member: ReinitMember; from: ImplementationGroup }>("reinit", this.next);
  readonly signers = new Shelf<ImplementationSigner>("signer", this.next);

  /** Whether an object of any kind has or had this number. */
  wasGiven(id: number): boolean {
    return id >= 1 && id <= this.last;
  }

  state(request: Message): ImplementationGroup {
    return this.states.get(request, "state_id");
  }

  /** The answer to a call that brings a new state. */
  entered(group: ImplementationGroup): Message {
    return { state_id: this.states.put(group), epoch_authenticator: group.epochAuthenticator };
  }

  /** The answer to a call that moves a state to its next epoch: the state keeps its number. */
  advanced(request: Message): Message {
    return {
      state_id: number(request, "state_id"),
      epoch_authenticator: this.state(request).epochAuthenticator,
    };
  }
}

/** All calls of the service, for {@link serve}. */
export function mlsClientService(implementation: MlsImplementation): Handlers {
  const objects = new ServiceObjects();
  return {
    Name: async () => ({ name: implementation.name }),
    SupportedCiphersuites: async () => ({ ciphersuites: implementation.suites }),
    ...entryCalls(implementation, objects),
    ...stateCalls(objects),
    ...proposalCalls(objects),
    ...commitCalls(objects),
    ...reinitCalls(objects),
    ...branchCalls(objects),
    ...externalProposalCalls(implementation, objects),
  };
}

/** The calls that create a group or join one. */
function entryCalls(implementation: MlsImplementation, objects: ServiceObjects): Handlers {
  return {
    CreateGroup: async (request) => {
      const group = await implementation.createGroup({
        groupId: bytes(request, "group_id"),
        cipherSuite: number(request, "cipher_suite"),
        encryptHandshake: flag(request, "encrypt_handshake"),
        identity: bytes(request, "identity"),
      });
      return { state_id: objects.states.put(group) };
    },
    CreateKeyPackage: async (request) => {
      const joiner = await implementation.createKeyPackage({
        cipherSuite: number(request, "cipher_suite"),
        identity: bytes(request, "identity"),
      });
      return {
        transaction_id: objects.transactions.put(joiner),
        key_package: joiner.keyPackage,
        ...privateKeyFields(joiner.privateKeys),
      };
    },
    JoinGroup: async (request) => {
      const joiner = objects.transactions.get(request, "transaction_id");
      const group = await joiner.join({
        ...welcomeChoice(request),
        encryptHandshake: flag(request, "encrypt_handshake"),
      });
      objects.transactions.drop(number(request, "transaction_id"));
      return objects.entered(group);
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
      return { ...objects.entered(group), commit };
    },
  };
}

/** What is asked of one state, and its end. */
function stateCalls(objects: ServiceObjects): Handlers {
  return {
    GroupInfo: async (request) => {
      const { groupInfo, ratchetTree } = await objects
        .state(request)
        .groupInfo(flag(request, "external_tree"));
      return { group_info: groupInfo, ratchet_tree: ratchetTree };
    },
    StateAuth: async (request) => ({ state_auth_secret: objects.state(request).epochAuthenticator }),
    Export: async (request) => ({
      exported_secret: await objects
        .state(request)
        .exportSecret(text(request, "label"), bytes(request, "context"), number(request, "key_length")),
    }),
    Protect: async (request) => ({
      ciphertext: await objects
        .state(request)
        .protect(bytes(request, "plaintext"), bytes(request, "authenticated_data")),
    }),
    Unprotect: async (request) => {
      const { plaintext, authenticatedData } = await objects
        .state(request)
        .unprotect(bytes(request, "ciphertext"));
      return { plaintext, authenticated_data: authenticatedData };
    },
    StorePSK: async (request) => {
      const id = number(request, "state_or_transaction_id");
      const holder = objects.states.find(id) ?? objects.transactions.get(request, "state_or_transaction_id");
      holder.storePsk(bytes(request, "psk_id"), bytes(request, "psk_secret"));
      return {};
    },
    // A state may be let go of by each of the numbers that it had, also by those of before a reinitialization.
    Free: async (request) => {
      const id = number(request, "state_id");
      if (!objects.wasGiven(id)) throw new NotFound(`no state ${id}`);
      await objects.states.find(id)?.free();
      objects.states.drop(id);
      return {};
    },
  };
}

async function propose(objects: ServiceObjects, request: Message, choice: ProposalChoice): Promise<Message> {
  return { proposal: await objects.state(request).propose(choice) };
}

function proposalCalls(objects: ServiceObjects): Handlers {
  return {
    AddProposal: (request) =>
      propose(objects, request, { type: "add", keyPackage: bytes(request, "key_package") }),
    UpdateProposal: (request) => propose(objects, request, { type: "update" }),
    RemoveProposal: (request) =>
      propose(objects, request, { type: "remove", identity: bytes(request, "removed_id") }),
    ExternalPSKProposal: (request) =>
      propose(objects, request, { type: "externalPsk", pskId: bytes(request, "psk_id") }),
    ResumptionPSKProposal: (request) =>
      propose(objects, request, { type: "resumptionPsk", epoch: BigInt(text(request, "epoch_id") || 0) }),
    GroupContextExtensionsProposal: (request) =>
      propose(objects, request, { type: "extensions", extensions: extensions(request) }),
    ReInitProposal: (request) =>
      propose(objects, request, {
        type: "reinit",
        groupId: bytes(request, "group_id"),
        cipherSuite: number(request, "cipher_suite"),
        extensions: extensions(request),
      }),
    AddExternalSigner: (request) =>
      propose(objects, request, {
        type: "externalSender",
        externalSender: bytes(request, "external_sender"),
      }),
  };
}

async function commit(objects: ServiceObjects, request: Message): Promise<Message> {
  const { commit, welcome, ratchetTree } = await objects.state(request).commit(commitChoice(request));
  return { commit, welcome, ratchet_tree: ratchetTree };
}

function commitCalls(objects: ServiceObjects): Handlers {
  return {
    Commit: (request) => commit(objects, request),
    HandleCommit: async (request) => {
      await objects.state(request).receiveCommit(bytes(request, "commit"), list(request, "proposal"));
      return objects.advanced(request);
    },
    HandlePendingCommit: async (request) => {
      await objects.state(request).mergeCommit();
      return objects.advanced(request);
    },
  };
}

/** RFC 9420 §11.2: from the commit that ends a group to the group that follows it. */
function reinitCalls(objects: ServiceObjects): Handlers {
  const reinitialized = async (request: Message): Promise<Message> => {
    const from = objects.state(request);
    const member = await from.prepareReinit();
    // The group itself is needed until the new one is there, its number no more.
    objects.states.drop(number(request, "state_id"));
    return {
      reinit_id: objects.reinits.put({ member, from }),
      key_package: member.keyPackage,
      epoch_authenticator: from.epochAuthenticator,
    };
  };
  const finishReinit = async (request: Message): Promise<void> => {
    await objects.reinits.get(request, "reinit_id").from.free();
    objects.reinits.drop(number(request, "reinit_id"));
  };

  return {
    ReInitCommit: (request) => commit(objects, request),
    HandlePendingReInitCommit: async (request) => {
      await objects.state(request).mergeCommit();
      return reinitialized(request);
    },
    HandleReInitCommit: async (request) => {
      await objects.state(request).receiveCommit(bytes(request, "commit"), list(request, "proposal"));
      return reinitialized(request);
    },
    ReInitWelcome: async (request) => {
      const { member } = objects.reinits.get(request, "reinit_id");
      const { group, welcome, ratchetTree } = await member.create(newGroupChoice(request, "key_package"));
      await finishReinit(request);
      return { ...objects.entered(group), welcome, ratchet_tree: ratchetTree };
    },
    HandleReInitWelcome: async (request) => {
      const { member } = objects.reinits.get(request, "reinit_id");
      const group = await member.join(welcomeChoice(request));
      await finishReinit(request);
      return objects.entered(group);
    },
  };
}

/** RFC 9420 §11.3: a group made from a part of another. */
function branchCalls(objects: ServiceObjects): Handlers {
  return {
    CreateBranch: async (request) => {
      const { group, welcome, ratchetTree } = await objects.state(request).branch({
        ...newGroupChoice(request, "key_packages"),
        groupId: bytes(request, "group_id"),
        extensions: extensions(request),
      });
      return { ...objects.entered(group), welcome, ratchet_tree: ratchetTree };
    },
    HandleBranch: async (request) => {
      const joiner = objects.transactions.get(request, "transaction_id");
      const group = await joiner.joinBranch(objects.state(request), welcomeChoice(request));
      objects.transactions.drop(number(request, "transaction_id"));
      return objects.entered(group);
    },
  };
}

/** RFC 9420 §12.1.8: proposals by those who aren't members. */
function externalProposalCalls(implementation: MlsImplementation, objects: ServiceObjects): Handlers {
  return {
    NewMemberAddProposal: async (request) => {
      const { joiner, proposal } = await implementation.newMemberAddProposal({
        groupInfo: bytes(request, "group_info"),
        identity: bytes(request, "identity"),
      });
      return {
        transaction_id: objects.transactions.put(joiner),
        proposal,
        ...privateKeyFields(joiner.privateKeys),
      };
    },
    CreateExternalSigner: async (request) => {
      const signer = await implementation.createExternalSigner({
        cipherSuite: number(request, "cipher_suite"),
        identity: bytes(request, "identity"),
      });
      return { signer_id: objects.signers.put(signer), external_sender: signer.externalSender };
    },
    ExternalSignerProposal: async (request) => ({
      proposal: await objects.signers
        .get(request, "signer_id")
        .propose(
          { groupInfo: bytes(request, "group_info"), ratchetTree: given(request, "ratchet_tree") },
          described(request.description as Message),
        ),
    }),
  };
}
