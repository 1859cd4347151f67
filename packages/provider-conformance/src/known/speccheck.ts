// Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs" (SSR 2020, https://eprint.iacr.org/2020/1244), table 5: the
// twelve published signatures on which implementations of Ed25519 differ, in their order.

const SMALL_A = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa";
const SMALL_R = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
const MIXED_A = "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43";
const MIXED_A_2 = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";
const PURE_A = "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623";
const NON_CANONICAL = "ff".repeat(31);
const MIXED_R_10 = "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc";
const S_10 = "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04";

/** As the modules `verdicts-…` have their cases: `verdict: name: public key, message, signature`. */
export const SPECCHECK: readonly string[] = [
  `refused: 0, A and R of small order, S = 0: ${SMALL_A} 8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6 ${SMALL_R}${"00".repeat(32)}`,
  `refused: 1, A of small order, R mixed: ${SMALL_A} 9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79 ${MIXED_A}${S_10}`,
  `refused: 2, A mixed, R of small order: ${MIXED_A} aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab ${SMALL_A}8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e`,
  `accepted: 3, A and R mixed, with and without cofactor: ${MIXED_A_2} 9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79 9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009`,
  `refused: 4, A and R mixed, with cofactor only: ${MIXED_A_2} e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c 160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09`,
  `refused: 5, A mixed, with cofactor only and k not reduced first: ${MIXED_A_2} e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c 21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405`,
  `refused: 6, S above the order: ${PURE_A} 85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40 e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514`,
  `refused: 7, S far above the order: ${PURE_A} 85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40 8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22`,
  `refused: 8, R of small order and not canonical: ${MIXED_A} 9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41 ec${NON_CANONICAL}03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f`,
  `refused: 9, the same, and R is reduced for the hash: ${MIXED_A} 9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41 ec${NON_CANONICAL}ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908`,
  `refused: 10, A of small order and not canonical: ec${NON_CANONICAL} e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b ${MIXED_R_10}${S_10}`,
  `refused: 11, the same, and A is reduced for the hash: ec${NON_CANONICAL} 39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f ${MIXED_R_10}${S_10}`,
];
