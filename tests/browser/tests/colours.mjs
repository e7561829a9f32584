// The colours of names.
import { Nc, check, same } from '../harness.mjs';
import { enter, sees } from '../people.mjs';

export async function names_whose_hashes_collide_look_different({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const found = await alice.evaluate(() => {
    const distinct = (colours) => new Set(colours).size;
    colourOf.clear();
    const names = [];
    for (let n = 0; names.length < 30; n += 1) if (preferredColour(`n${n}`) === 5) names.push(`n${n}`);
    const ten = names.slice(0, 10).map((name) => hueOf(name));
    const again = names.slice(0, 10).map((name) => hueOf(name));
    const shown = names.slice(0, 10).map((name) => getComputedStyle(document.querySelector('#log ol').appendChild(nameNode(name))).color);
    const second = colourDistance(5, hueOf(names[1]) / 360 * COLOURS);
    const many = names.map((name) => hueOf(name)).slice(-10);
    const kept = hueOf(names.at(-1));
    names.slice(0, 10).forEach((name) => hueInList(name));
    const inList = hueOf(names.at(-1));
    renameHue(names.at(-1), 'somebody');
    return { first: ten[0], ten: distinct(ten), same: ten.every((hue, index) => hue === again[index]), shown: distinct(shown), second, many: distinct(many), kept: kept === inList, renamed: hueOf('somebody') === kept };
  });
  same(found, { first: 150, ten: 10, same: true, shown: 10, second: 6, many: 10, kept: true, renamed: true }, 'the colours of names that want the same');
}

export async function colours_of_names_can_be_told_apart({ server, page }) {
  const house = await server();
  for (const colorScheme of ['light', 'dark']) {
    const alice = await page(house.url, { colorScheme });
    const least = await alice.evaluate(() => {
      const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const node = document.body.appendChild(el('bdi', 'name'));
      // The colour that the screen shows, in OKLab.
      const lab = (colour) => {
        node.style.setProperty('--hue', hueOfColour(colour));
        paint.fillStyle = getComputedStyle(node).color;
        paint.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [l, m, s] = [0.4122 * r + 0.5363 * g + 0.0514 * b, 0.2119 * r + 0.6807 * g + 0.1074 * b, 0.0883 * r + 0.2817 * g + 0.63 * b].map(Math.cbrt);
        return [0.2105 * l + 0.7936 * m - 0.0041 * s, 1.978 * l - 2.4286 * m + 0.4506 * s, 0.0259 * l + 0.7828 * m - 0.8087 * s];
      };
      const all = Array.from({ length: COLOURS }, (_, colour) => lab(colour));
      const distances = all.flatMap((one, index) => all.slice(index + 1).map((other) => Math.hypot(...one.map((part, axis) => part - other[axis]))));
      node.remove();
      return Math.min(...distances);
    });
    // 0.02 is what a person can just see.
    check(least > 0.045, `two colours in ${colorScheme} are only ${least.toFixed(3)} apart`);
  }
}

export async function a_new_name_keeps_its_colour({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  carol.say('before');
  await sees(alice, 'before', 'said');
  carol.say('/nick caroline', 'after');
  await sees(alice, 'after', 'said');
  const hues = await alice.$$eval('#log .said .name', (nodes) => nodes.map((node) => node.style.getPropertyValue('--hue')));
  same(hues[0], hues[1], 'the colour of carol, who is called caroline now');
}
