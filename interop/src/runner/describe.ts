// RFC 9420 §12.1: converts the proposals of a script into messages of the service.
import type { Message } from "../grpc.js";
import { Parameters, type ScriptExtension } from "./script.js";
import type { Stage } from "./stage.js";

const utf8 = new TextEncoder();

export function extensionsOf(parameters: Parameters): Message[] {
  return parameters.list<ScriptExtension>("extensions").map((one) => ({
    extension_type: one.extension_type,
    extension_data: new Uint8Array(Buffer.from(one.extension_data, "base64")),
  }));
}

/** The group ID that a reinitialization asks for: that of the group of the first step, or one after it. */
export function newGroupId(stage: Stage, change: boolean): Uint8Array {
  const before = stage.kept(0, "group_id");
  return change ? new Uint8Array([...before, ...utf8.encode("++")]) : before;
}

/** The description of a proposal that goes by value in a commit, or is made by an external signer. */
export function describe(stage: Stage, proposal: object): Message {
  const parameters = new Parameters(proposal);
  const type = parameters.text("proposalType");
  const proposal_type = utf8.encode(type);
  switch (type) {
    case "add":
      return {
        proposal_type,
        key_package: stage.kept(parameters.number("keyPackage"), "key_package"),
      };
    case "remove":
      return { proposal_type, removed_id: utf8.encode(parameters.text("removed")) };
    case "externalPSK":
      return { proposal_type, psk_id: stage.kept(parameters.number("pskID"), "psk_id") };
    case "resumptionPSK":
      return { proposal_type, epoch_id: parameters.number("epochID") };
    case "groupContextExtensions":
      return { proposal_type, extensions: extensionsOf(parameters) };
    case "reinit": {
      if (parameters.flag("changeCipherSuite")) stage.changeSuite();
      return {
        proposal_type,
        extensions: extensionsOf(parameters),
        cipher_suite: stage.suite,
        group_id: newGroupId(stage, parameters.flag("changeGroupID")),
      };
    }
    default:
      throw new Error(`a proposal of type "${type}"`);
  }
}
