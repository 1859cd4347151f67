// RFC 9420 §6: what a message says of itself, in the error that refuses it.
import { withDetails } from "../../errors.js";
import { type FramedContent, SenderType } from "../../wire/index.js";

/** The part of a message that can be read before it is opened. A PrivateMessage hides its sender. */
export type Said = Pick<FramedContent, "groupId" | "epoch"> & Partial<Pick<FramedContent, "sender">>;

/** Adds a message's group, epoch and sender to an error of the work. */
export async function explained<T>({ groupId, epoch, sender }: Said, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw withDetails(error, {
      groupId: groupId.slice(),
      epoch,
      ...(sender?.senderType === SenderType.member && { sender: sender.leafIndex }),
    });
  }
}
