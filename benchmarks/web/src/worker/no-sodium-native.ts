// Replaces sodium-native, which is native code for Node. The benchmarks import it for the floor of
// provider-sodium-native, which is left out here.
export default {};
