// Makes the colours of PNG files a palette of 256 at most, in place: `node quantise.mjs FILE...`. Boards have few colours and much
// text, so nobody sees a difference, and a file is a third of what a browser writes. Reads what Chromium writes: 8 bits, not interlaced.
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function decoded(file) {
  let at = 8;
  let head;
  const parts = [];
  while (at < file.length) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const content = file.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') head = content;
    if (type === 'IDAT') parts.push(content);
    at += length + 12;
  }
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), { 2: 3, 6: 4 }[head[9]]];
  if (head[8] !== 8 || channels === undefined || head[12] !== 0) throw new Error('not a PNG as Chromium writes it');
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? pixels[y * stride + x - channels] : 0;
      const up = y > 0 ? pixels[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) {
        const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
        guess = a <= b && a <= c ? left : b <= c ? up : corner;
      }
      pixels[y * stride + x] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return { width, height, channels, pixels };
}

// Median cut: the box whose colours differ most, weighted by how often they occur, is halved until there are 256.
function palette(counts) {
  const spread = (box) => {
    const channel = [16, 8, 0].map((shift) => {
      const values = box.map(([color]) => (color >> shift) & 255);
      return [Math.max(...values) - Math.min(...values), shift];
    });
    const [width, shift] = channel.sort((a, b) => b[0] - a[0])[0];
    return { box, shift, worth: width * Math.sqrt(box.reduce((sum, [, count]) => sum + count, 0)) };
  };
  let boxes = [spread([...counts])];
  while (boxes.length < 256) {
    boxes.sort((a, b) => b.worth - a.worth);
    const { box, shift, worth } = boxes.shift();
    if (worth === 0) {
      boxes.push(spread(box));
      break;
    }
    box.sort((a, b) => ((a[0] >> shift) & 255) - ((b[0] >> shift) & 255));
    const half = box.reduce((sum, [, count]) => sum + count, 0) / 2;
    let [cut, seen] = [0, 0];
    while (cut < box.length - 1 && (cut === 0 || seen + box[cut][1] <= half)) seen += box[cut++][1];
    boxes.push(spread(box.slice(0, cut)), spread(box.slice(cut)));
  }
  // The colour of a box is its most frequent one: what is drawn in one colour keeps it exactly.
  const colors = boxes.map(({ box }) => box.reduce((most, one) => (one[1] > most[1] ? one : most))[0]);
  const index = new Map(boxes.flatMap(({ box }, number) => box.map(([color]) => [color, number])));
  return { colors, index };
}

function chunk(type, content) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

for (const path of process.argv.slice(2)) {
  const { width, height, channels, pixels } = decoded(readFileSync(path));
  const counts = new Map();
  const color = (at) => (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
  for (let at = 0; at < pixels.length; at += channels) counts.set(color(at), (counts.get(color(at)) ?? 0) + 1);
  const { colors, index } = palette(counts);
  const rows = Buffer.alloc((width + 1) * height);
  for (let at = 0, pixel = 0; at < pixels.length; at += channels, pixel++) {
    rows[Math.floor(pixel / width) * (width + 1) + 1 + (pixel % width)] = index.get(color(at));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const entries = Buffer.from(colors.flatMap((one) => [one >> 16, (one >> 8) & 255, one & 255]));
  writeFileSync(path, Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('PLTE', entries), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]));
}
