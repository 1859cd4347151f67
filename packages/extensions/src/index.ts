// Extensions of Messaging Layer Security, each a module to be given to a client.
export {};
