// A group as a service sees it: without MLS, so that the service is measured and not its clients.
import { randomBytes } from "node:crypto";
import type { DeliveryService, EpochKey, Handshake } from "@copse/delivery/service";
import { nodeProvider } from "@copse/provider-node";

const SUITE = 1;
const provider = nodeProvider().suite(SUITE);
/** As services seal to the keys of epochs. */
const INFO = new TextEncoder().encode("copse delivery grant");
const NOTHING = new Uint8Array();

export const newId = () => randomBytes(16).toString("hex");

/** What a service doesn't understand. */
interface Content {
  readonly commit: Uint8Array;
  readonly groupInfo: Uint8Array;
}

export interface BareGroup {
  readonly groupId: Uint8Array;
  readonly key: () => EpochKey;
  /** A handshake that may be submitted next. */
  next(after: string, content: Content): Promise<Handshake>;
}

async function newKey(epoch: bigint): Promise<EpochKey> {
  const { publicKey, privateKey } = await provider.hpke.generateKeyPair();
  return {
    epoch,
    suite: SUITE,
    publicKey,
    open: (kemOutput, ciphertext) => provider.hpke.open(privateKey, kemOutput, INFO, NOTHING, ciphertext),
  };
}

/** Makes a group known to a service. */
export async function bareGroup(service: DeliveryService): Promise<BareGroup & { readonly first: string }> {
  const groupId = randomBytes(16);
  let [epoch, key] = [0n, await newKey(0n)];
  const next = async (after: string, { commit, groupInfo }: Content): Promise<Handshake> => {
    const before = key;
    key = await newKey(epoch + 1n);
    const { publicKey } = key;
    const handshake: Handshake = {
      id: newId(),
      groupId,
      epoch,
      after,
      message: commit,
      groupInfo,
      welcomes: [],
      nextKey: { epoch: epoch + 1n, suite: SUITE, publicKey },
      key: () => before,
    };
    epoch += 1n;
    return handshake;
  };
  const submitted = await service.submit(
    await next("", { commit: randomBytes(100), groupInfo: randomBytes(100) }),
  );
  if (submitted.kind !== "accepted") throw new Error(`expected the group to be taken, got ${submitted.kind}`);
  return { groupId, key: () => key, next, first: submitted.cursor };
}
