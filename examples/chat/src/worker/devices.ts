// Further devices of a person: the service lets one in if a device that it knows has signed its admission. Tabs of one
// browser ask each other.
import { DeliveryError } from "@copse/delivery/service";

/** A device that asks to be let in. */
export interface Knock {
  readonly id: string;
  /** As its owner calls it. */
  readonly device: string;
  readonly suite: number;
  readonly signatureKey: Uint8Array;
}

type Said =
  | { readonly kind: "knock"; readonly knock: Knock }
  | { readonly kind: "heard"; readonly id: string }
  | { readonly kind: "answer"; readonly id: string; readonly admission: Uint8Array | undefined };

/** How long a device that is open takes to answer that it has heard, in milliseconds. */
const EAR = 2000;

export class Devices {
  readonly #channel: BroadcastChannel;

  /** @param place the service's ID */
  constructor(place: string, name: string) {
    this.#channel = new BroadcastChannel(`copse chat ${place}: devices of ${name}`);
  }

  #say(said: Said): void {
    this.#channel.postMessage(said);
  }

  /** Tells of devices that ask to be let in. */
  listen(heard: (knock: Knock) => void): void {
    this.#channel.addEventListener("message", ({ data }: MessageEvent<Said>) => {
      if (data.kind !== "knock") return;
      this.#say({ kind: "heard", id: data.knock.id });
      heard(data.knock);
    });
  }

  /** @param admission what lets it in; `undefined` refuses */
  answer({ id }: Knock, admission: Uint8Array | undefined): void {
    this.#say({ kind: "answer", id, admission });
  }

  /** Asks the others. @returns what lets this device in. @throws DeliveryError `forbidden` */
  knock(knock: Knock): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new DeliveryError("forbidden", why));
      const timer = setTimeout(() => refuse("the name is somebody's already"), EAR);
      this.#channel.addEventListener("message", ({ data }: MessageEvent<Said>) => {
        if (data.kind === "knock" || data.id !== knock.id) return;
        clearTimeout(timer);
        if (data.kind === "heard") return;
        if (data.admission === undefined) refuse("the other device has refused this one");
        else resolve(data.admission);
      });
      this.#say({ kind: "knock", knock });
    });
  }
}
