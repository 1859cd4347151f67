// RFC 9420 §12.4.2, §12.4.3: who refuses a commit only because of what is encrypted to it knows which epoch the others are in.
import { type Group, insecureAcceptAll, type Policy, ProposalType } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { flipped } from "@copse/test-support/bytes";
import { four, type Party } from "@copse/test-support/clients";
import { refused } from "@copse/test-support/errors";
import { type Forgery, forgeEpoch, type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, expect, it } from "vitest";
import type { Epoch } from "../../src/group/epoch.js";
import { groupInfoMessage } from "../../src/group/join/index.js";
import type { UpdatePath } from "../../src/wire/update-path.js";
import { filled, remove, SUITE } from "../proposals.js";
import { byMallory, infiltrated, MALLORY } from "./insider.js";

/** A path that tells nobody anything. */
const path = ({ updatePath }: { readonly updatePath: UpdatePath }): UpdatePath => ({
  ...updatePath,
  nodes: updatePath.nodes.map((node) => ({
    ...node,
    encryptedPathSecret: node.encryptedPathSecret.map((one) => ({
      ...one,
      ciphertext: flipped(one.ciphertext, 0, 0),
    })),
  })),
});

let bob: Group;
let mallory: Insider;

beforeAll(async () => {
  ({ bob, mallory } = await infiltrated());
});

async function shown(epoch: Epoch | undefined, change: Partial<Epoch> = {}) {
  if (epoch === undefined) throw new Error("expected an epoch");
  const { config, signer } = mallory;
  const groupInfo = await groupInfoMessage({ config, epoch: { ...epoch, ...change }, signer }, {});
  const follower = await PublicGroup.follow({
    crypto: nodeProvider(),
    authentication: insecureAcceptAll(),
    groupInfo,
  });
  return follower.epochContext;
}

const forge = (forgery: Forgery = {}) => forgeEpoch(mallory, { path, isConfirmed: true, ...forgery });

it.each([1, 2] as const)(
  "and tells it from all others of the same number, in wire format %i",
  async (wireFormat) => {
    const proposals = byMallory({ proposalType: ProposalType.groupContextExtensions, extensions: [] });
    const { message, next } = await forge({ proposals, wireFormat });
    const { code, alone, sender, leadsTo } = await refused(bob, message);
    expect({ code, alone, sender }).toEqual({ code: "crypto", alone: true, sender: MALLORY });
    expect(leadsTo).toEqual(await shown(next));
    const others = [
      await shown((await forge({ proposals, wireFormat })).next),
      await shown((await forge({ proposals: byMallory(remove(3)), wireFormat })).next),
      await shown(next, { confirmationTag: filled() }),
    ];
    for (const one of others) expect(one).not.toEqual(leadsTo);
  },
);

it("but not if something else is wrong with it, or the application refuses it", async () => {
  const itself = await forge({ proposals: byMallory(remove(MALLORY)) });
  expect(await refused(bob, itself.message)).not.toHaveProperty("leadsTo");
  let isStrict = false;
  const authorize: Policy["authorize"] = (action) => !(isStrict && action.kind === "commit");
  const { parties, groups } = await four(SUITE, { policy: { authorize } });
  const from = await insider(parties[MALLORY] as Party, groups[MALLORY] as Group);
  isStrict = true;
  const { message } = await forgeEpoch(from, { path, isConfirmed: true });
  const error = await refused(groups[1] as Group, message);
  expect(error.code).toBe("forbidden");
  expect(error).not.toHaveProperty("alone");
  expect(error).not.toHaveProperty("leadsTo");
});
