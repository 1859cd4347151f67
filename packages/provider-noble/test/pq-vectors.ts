// draft-ietf-hpke-pq, test vectors: the first message of those with an HKDF. Long values by their SHA-256.
export interface PqVector {
  readonly kem: string;
  readonly hash: "SHA-256" | "SHA-384";
  readonly aead: "AES-128-GCM" | "AES-256-GCM" | "ChaCha20Poly1305";
  readonly ikmR: string;
  readonly skRm: string;
  readonly pkRmDigest: string;
  /** The randomness of the encapsulation. */
  readonly ikmE: string;
  readonly encDigest: string;
  readonly ct: string;
  readonly exported: string;
}

export const INFO = "4f6465206f6e2061204772656369616e2055726e";
export const AAD = "Count-0";
export const PLAINTEXT = "4265617574792069732074727574682c20747275746820626561757479";
export const EXPORTER_CONTEXT = "pseudorandom0";

export const PQ_VECTORS: readonly PqVector[] = [
  {
    kem: "ML-KEM-768",
    hash: "SHA-256",
    aead: "AES-128-GCM",
    ikmR: "353e522ee88da0097916c435377e3ffee4cd8288b910a79882f4ac87787cebe6ef7d126a2ef91b2c37f741af42851a08d24a756b225d86d534902829896e726b",
    skRm: "e3408aae322a3628a4d641c2690d4eb212fd66f369782f2dd22fa293476c69957716be20e83920cd26a7710110a34ac3d5da7d90efdc9759812f5cf1a47e85bf",
    pkRmDigest: "cf9788b0adde41745ceb639c4a4ca6e58803207fd9861c3c662737b13184d413",
    ikmE: "4b3d28ac17e3aadfe767671928e6c0d26c346d4c7dfcf1db0994d131fd76aaba",
    encDigest: "687a88e2affee63efc5ca550ea5498beb0f1b717572c5b498231f17e7b14e68b",
    ct: "4793c6f4dc5824a0039d8faf2d84d359fd6cf423eaeee578bbb7830068ba34b576a6e3f4ba03c5c2c62f2b869224a1c5acf96083cd13bdc3623a47bde544171a72aa684b12a562196785",
    exported: "f05383cf57bc5c9d639f1eda2355ea5764f46b1a2c98fca15b99f61d7b5a6549",
  },
  {
    kem: "ML-KEM-1024",
    hash: "SHA-384",
    aead: "AES-256-GCM",
    ikmR: "ece1c121b5cc978bdce5eb8d60e9ff101d65b94379898e800c37f79164a25d03264a357df7cd28214b11e171c94dea2338b736e7dbb6f00a0b1b280ae6ad1ba4",
    skRm: "c58f733ea1245a7a54723c30dbf0837acdd7e93c188692523b53b132b993a25af933368a76bbcbf1212e1d34d7128e32c387dc9b04a7ceb0e2b40e1e5769c57d",
    pkRmDigest: "121abb2e70d21f6bead6d5cdf57f9cbc3dc460081b36007054cb01963b6f6140",
    ikmE: "0152bf3799ed0803b9ac3e62695c51065fe2cd4a18ff655fb3efe7399c404e19",
    encDigest: "9cf10683e968ebdf277b15e857d5805783cbb42d9b7cc89c97d5102764e80655",
    ct: "433d24cb45dba60451bfcdd3fcc9033a55cbcf128f6068a09cc617dee516d02bd1b15d8bb9f8acc788b29086566124414183c07dfe160d135213dc21b34e7320a19e54d979b2ba3f2d66",
    exported: "ef5dd95b6aceae5c9b29be381b4f374852125b5e6cdabc985ab0f6b808b27eb4",
  },
  {
    kem: "MLKEM768-P256",
    hash: "SHA-256",
    aead: "AES-128-GCM",
    ikmR: "5e28a96731c6665f07bb00811cd70f0d3d6c44666ca54cddbb7e5946053b6415",
    skRm: "724eed44c3843d1f260f79b142ce633d602f7989a53ffc9fd4a68690c8e7baa5",
    pkRmDigest: "f1e1000a59e126ef85a7b85720c2d24bc10c2412db23e2120ef44cfae64abec2",
    ikmE: "0ec0fee6a71457a9dac898a1c161bf1068e68de093f07754155bb8b8b378c17ed09ead96300cc402a6371b58928592dd93565834a19839e7dda048d8e04ff65c7b645f36738c370fbb2d684f59e16ea08aea04444762fdf3a70a114ecf0ba435c9a1e869578142b445398f49093bcca618f0ae5e810163b1503faf3eeaff0bdc",
    encDigest: "6959c57471177c588d3ef3558c83602c9769a40fdce9e51dd70435458aebfcf7",
    ct: "766437e462397ec6d4b78c755a6f41cce023100641c04102fe935b1495cba6aa31323a97af05190a024bd0718581d48c71ff69d06523f6127ffb8f0cffde5b0bc0986fba65bfbbd6c7ff",
    exported: "b802e65aba5b55410741d61e2953e67596bdcb7c1914097f13d8ed98e87e54d6",
  },
  {
    kem: "MLKEM1024-P384",
    hash: "SHA-384",
    aead: "AES-256-GCM",
    ikmR: "0fce198c0c1ccfca5cd1ca8bc495b06696cbb8c733e708ead4531b2b294c38d2",
    skRm: "dbdae0423ba0e5db3d6322601b8dc302d3051d4677142079c7bdf441f4c448dd",
    pkRmDigest: "5d0b42c6f1471a72045ec087a4c2e61875541f4550b513672f2d858eb1a133c3",
    ikmE: "bd1207854ec0963347d5218f900783d6ca0ff62c5e2181ca5a932e2d6d8d96cc9b092a9d709468d10f7e8ec8d9eccd7e7a647d351133e2a2f4b438154d1dd70850af7f7841c1dbd0699feb9852d99c08",
    encDigest: "f2efb14c611a8637a214286298706af1433acb4f3bdc2f6a25c0d72dd3decf13",
    ct: "4c2683632b3d5fc13457a54620085e49e300f1bd03408ad7c6821df4ec8168c2eabbf935541fdeb235e97ae537d1280471735063a5b922746c19d14b5a2830f38fd7a8804c057d9bea2b",
    exported: "bc1c15452944a0d0db9195d24334d6862d68a3d7b18d35c756978cd649a6ac31",
  },
  {
    kem: "MLKEM768-X25519",
    hash: "SHA-256",
    aead: "ChaCha20Poly1305",
    ikmR: "b86e76a59fabfc87b30cd7b1f7aaa28a834eb64e7a261c197b9a842893fbce56",
    skRm: "3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630",
    pkRmDigest: "ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341",
    ikmE: "2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd190fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8",
    encDigest: "95c0a5fca31ea59f29bbc66255ad6637b5a476b3212886af11afdc8930aeb772",
    ct: "c5c591f99092d5e38df0a52699af249c66f8275a863423c076de8147a53e65cc584041c963b77a7e59ea93841b1339b5efda8909b71f74bb0073ad62e899de310c1566dea2fd29eba377",
    exported: "5a78d37f40e078c17ef43fa40963f1ff7dcdee56e366da9099dc181c3eccaee5",
  },
];
