// placeholder until the package has its exports
export {};
