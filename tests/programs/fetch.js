// node: sockets, http and fetch, many at once.
const http = require('http'), net = require('net');
const host = process.env.HOST;

function byHttp() {
	return new Promise((resolve, reject) => http.get({ host, port: 80, path: '/page', agent: false }, response => {
		let text = '';
		response.on('data', data => text += data).on('end', () => resolve(text));
	}).on('error', reject));
}

function bySocket() {
	return new Promise((resolve, reject) => {
		let text = '';
		const socket = net.connect(80, host, () => socket.write('GET /page HTTP/1.0\r\n\r\n'));
		socket.on('data', data => text += data).on('end', () => resolve(text.split('\r\n\r\n')[1])).on('error', reject);
	});
}

const byFetch = () => fetch(`http://${host}/page`).then(response => response.text());

(async () => {
	const pages = await Promise.all([...Array(20)].flatMap(() => [byHttp(), bySocket(), byFetch()]));
	if (new Set(pages).size !== 1)
		throw new Error(pages.join());
	process.stdout.write(pages[0]);
})().catch(error => {
	console.error((error.cause || error).message);
	process.exit(1);
});
