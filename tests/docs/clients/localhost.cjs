// Resolves *.localhost to this machine, as curl and browsers do; Node asks the system, which may not know the names.
const dns = require('node:dns');

const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
