// The address that the parent resolved is its children's too.
// Usage: children.js HOST PROGRAM PORT; each child is PROGRAM ADDRESS PORT.
const { execFileSync, spawnSync } = require('child_process');
const [host, program, port] = process.argv.slice(2);
require('dns').lookup(host, { family: 4 }, (error, address) => {
    if (error) throw error;
    process.stdout.write(execFileSync(program, [address, port]));
    const { status } = spawnSync(program, [address, port], { env: {}, stdio: 'inherit' });
    process.exitCode = status;
});
