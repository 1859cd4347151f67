// RFC 9420 §5.1.2: public keys and signatures on which libraries differ, each with the one verdict for all providers.

/** A public key, or a signature under one, with the verdict on it. */
export interface VerdictCase {
  /** Whether every provider must accept it. */
  readonly accepted: boolean;
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** Without it the case is about the public key alone. */
  readonly signed?: { readonly message: Uint8Array; readonly signature: Uint8Array };
}

/** Collects cases. */
export class Cases {
  readonly all: VerdictCase[] = [];

  key(accepted: boolean, name: string, publicKey: Uint8Array): void {
    this.all.push({ accepted, name, publicKey });
  }

  signature(
    accepted: boolean,
    name: string,
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): void {
    this.all.push({ accepted, name, publicKey, signed: { message, signature } });
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex") || "-";

/** One line for each case, as the conformance kit reads them: verdict, name, and hexadecimal fields. */
export function toModule(constant: string, scheme: string, cases: readonly VerdictCase[]): string {
  const lines = cases.map(({ accepted, name, publicKey, signed }) => {
    const fields = [publicKey, ...(signed ? [signed.message, signed.signature] : [])].map(hex).join(" ");
    return `  "${accepted ? "accepted" : "refused"}: ${name}: ${fields}",\n`;
  });
  return `// RFC 9420 §5.1.2: edge cases of ${scheme}. Made by \`npm run vectors:verdicts\`: don't edit it.

/** \`verdict: name: public key\`, or \`verdict: name: public key, message, signature\`; \`-\` is an empty field. */
export const ${constant}: readonly string[] = [
${lines.join("")}];
`;
}

/** Messages in a fixed order: 0, 1, 2… in as few bytes as they take. */
export function* messages(): Generator<Uint8Array> {
  for (let i = 0; ; i++) yield Uint8Array.from(Buffer.from(i.toString(16).padStart(4, "0"), "hex"));
}
