// Services with one fault each, in what they do with key packages.
import { DeliveryError, type OfferedKeyPackage } from "@copse/delivery";
import { type Fault, faulty, hex, note, of } from "./faulty.js";

/** A service that publishes something else than it gets. */
const publishing = (change: (one: OfferedKeyPackage) => OfferedKeyPackage) =>
  faulty(({ inner }) => ({ publishKeyPackages: (some) => inner.publishKeyPackages(some.map(change)) }));

const AT_ONCE = "key packages: each is handed out once, also to many at once";
const LAST = "key packages: those of last resort come last, again and again";

export const FAULTS: readonly Fault[] = [
  of(
    "gives two who claim at once the same",
    AT_ONCE,
    faulty(({ inner, shared }) => ({
      claimKeyPackages(user, suite) {
        const name = `${user} ${suite}`;
        const claim = note(shared, name, inner.claimKeyPackages(user, suite));
        return claim.finally(() => shared.notes.delete(name));
      },
    })),
  ),
  of(
    "gives a key package of one client for the user",
    "key packages: one of each client of the user",
    faulty(({ inner }) => ({
      claimKeyPackages: async (user, suite) => (await inner.claimKeyPackages(user, suite)).slice(0, 1),
    })),
  ),
  of(
    "hands those of last resort out too early",
    LAST,
    faulty(({ inner, shared, user }) => ({
      async publishKeyPackages(some) {
        for (const one of some) if (one.lastResort) shared.notes.set(`last ${user}`, one);
        await inner.publishKeyPackages(some);
      },
      async claimKeyPackages(whose, suite) {
        const last = note<OfferedKeyPackage | undefined>(shared, `last ${whose}`, undefined);
        const claims = note(shared, "claims", new Set<object>());
        claims.add({});
        if (last !== undefined && claims.size === 2) return [last.keyPackage.slice()];
        return inner.claimKeyPackages(whose, suite);
      },
    })),
  ),
  of(
    "hands those of last resort out once",
    [LAST, "key packages: of last resort when many claim at once"],
    publishing((one) => ({ ...one, lastResort: false })),
  ),
  of(
    "keeps the first one of last resort",
    "key packages: a newer one of last resort takes the place of the older",
    faulty(({ inner, shared, user }) => ({
      async publishKeyPackages(some) {
        const first = note(
          shared,
          `last ${user}`,
          some.find(({ lastResort }) => lastResort),
        );
        await inner.publishKeyPackages(some.filter((one) => !one.lastResort || one === first));
      },
    })),
  ),
  of(
    "hands out what has expired",
    "key packages: expired ones aren't handed out",
    publishing((one) => ({ ...one, notAfter: 2n ** 40n })),
  ),
  of(
    "takes milliseconds for seconds",
    "key packages: expired ones aren't handed out",
    publishing((one) => ({ ...one, notAfter: one.notAfter * 1000n })),
  ),
  of(
    "has one suite",
    "key packages: suites are apart",
    faulty(({ inner }) => ({
      publishKeyPackages: (some) => inner.publishKeyPackages(some.map((one) => ({ ...one, suite: 1 }))),
      countKeyPackages: () => inner.countKeyPackages(1),
      claimKeyPackages: (user) => inner.claimKeyPackages(user, 1),
    })),
  ),
  of(
    "counts what was published",
    "key packages: the count is what is left",
    faulty(({ inner, shared, user, client }) => ({
      async countKeyPackages(suite) {
        const { single, lastResort } = await inner.countKeyPackages(suite);
        const most = Math.max(single, note(shared, `${user} ${client} ${suite}`, single));
        return { single: most, lastResort };
      },
    })),
  ),
  of(
    "takes again what was handed out",
    "key packages: one that is published again is left as it is",
    faulty(({ inner, shared }) => {
      const names = note(shared, "names", new Map<string, number>());
      return {
        async publishKeyPackages(some) {
          const renamed = some.map((one) => {
            const times = names.get(hex(one.reference)) ?? 0;
            const reference = one.reference.slice();
            reference[0] = times;
            return { ...one, reference };
          });
          await inner.publishKeyPackages(renamed);
        },
        async claimKeyPackages(user, suite) {
          const got = await inner.claimKeyPackages(user, suite);
          if (got.length === 0) names.set("empty", 1);
          // What was there is forgotten when all are gone.
          if (names.has("empty")) names.get = () => 1;
          return got;
        },
      };
    }),
  ),
  of(
    "withdraws all whenever some are withdrawn",
    "key packages: withdrawn ones aren't handed out",
    faulty(({ inner }) => ({ withdrawKeyPackages: () => inner.withdrawKeyPackages() })),
  ),
  of(
    "withdraws nothing",
    "key packages: withdrawn ones aren't handed out",
    faulty(() => ({ withdrawKeyPackages: async () => undefined })),
  ),
  of(
    "publishes what comes before a wrong one",
    "key packages: all or none are published",
    faulty(({ inner }) => ({
      async publishKeyPackages(some) {
        for (const one of some) await inner.publishKeyPackages([one]);
      },
    })),
  ),
  of(
    "refuses unknown users",
    "key packages: an unknown user has none",
    faulty(({ inner }) => ({
      async claimKeyPackages(user, suite) {
        const got = await inner.claimKeyPackages(user, suite);
        if (got.length === 0) throw new DeliveryError("not-found", "there is no such user");
        return got;
      },
    })),
  ),
];
