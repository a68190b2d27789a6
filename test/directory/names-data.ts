// People and places with names as they occur, and the ways in which they are misspelt: the benchmark of forgiving names.
import type { Resource } from '../../src/fhir/resource.ts';
import { nicknamesOf } from '../../src/names/nicknames.ts';
import { inventedNpi } from '../../src/seed/npi.ts';

const split = (text: string) => text.split(' ');

const FAMILY = split(
  'Abbott Acevedo Acosta Adkins Aguilar Aguirre Alexander Alvarado Andersen Andrade Arellano Armstrong Arnold Ashworth Atkinson Avila Ayala ' +
    'Bachmann Baldwin Ballard Barajas Barnett Barrera Barrett Bartlett Bauer Beasley Becker Benavides Benítez Bergstrom Bernard Blackwell ' +
    'Blanchard Blankenship Bonilla Bowman Boyle Bradford Bradshaw Brennan Bridges Briggs Buchanan Burgess Burnett Bustamante Caballero ' +
    'Cabrera Caldwell Calhoun Callahan Camacho Cannon Cárdenas Carlson Carpenter Carrillo Carroll Castañeda Cervantes Chambers Chandler ' +
    'Chang Christensen Cisneros Clayton Cochran Coleman Conley Contreras Copeland Cordova Cortez Costello Crawford Cummings Cunningham Curtis ' +
    'Daugherty Davenport Delacroix Delgado Dickerson Dietrich Dillon Dominguez Donaldson Donovan Dougherty Douglas Drake Duarte Dudley ' +
    'Duffy Duncan Durham Eaton Echeverria Ellison Elliott Erickson Escobar Esparza Espinoza Estrada Farrell Faulkner Ferguson Fernandez ' +
    'Ferreira Figueroa Finley Fischer Fitzgerald Fitzpatrick Fletcher Fowler Franco Franklin Frazier Frederick Freeman Friedman Fuentes ' +
    'Gallagher Gallegos Galloway Galván Garrett Garrison Gentry Gibbons Gilbert Gillespie Goldberg Goldstein Goodwin Graham Graves Greene ' +
    'Gregory Griffin Guerrero Guzmán Haas Hahn Hale Halvorsen Hamilton Hammond Hancock Hansen Hardy Harmon Harrington Hartman Haynes Heath ' +
    'Henderson Hendricks Henson Hernandez Herrera Hickman Higgins Hinojosa Hoffman Hogan Holloway Hopkins Horton Houston Hubbard Huerta ' +
    'Humphrey Hutchinson Ibarra Ingram Jacobson Jaramillo Jefferson Jenkins Jennings Jensen Jiménez Johansson Johnston Juárez Kaiser Kaufman ' +
    'Kennedy Kirkpatrick Klein Knapp Knight Koenig Kowalczyk Kramer Krishnan Krueger Lambert Lancaster Lawrence Lawson Leblanc Leonard ' +
    'Levine Lindsey Livingston Logan Lombardi Lozano Lucero Luna Lynch Lyons MacDonald Macías Madden Mahoney Maldonado Mancini Marquez ' +
    'Marshall Mathews Maxwell McAllister McBride McCarthy McCormick McCullough McDaniel McGuire McIntyre McKenzie McLaughlin McMahon Meadows ' +
    'Medina Mejía Melendez Méndez Mercado Merritt Meyer Middleton Miles Miranda Molina Monroe Montgomery Montoya Moreno Mueller Mullins ' +
    'Nakamura Navarro Newman Nguyen Nicholson Nielsen Norris Novak Obrien Ochoa Oconnor Odonnell Olson Oneal Orozco Osborne Owens Pacheco ' +
    'Padilla Palacios Palmer Parrish Patrick Patterson Paulson Pearson Pennington Perkins Petersen Phelps Pierce Pineda Pittman Pollard Ponce ' +
    'Porter Potter Powers Preston Prince Quinn Quintero Ramírez Randolph Rangel Rasmussen Raymond Reeves Reilly Reynolds Rhodes Richards ' +
    'Riggs Riley Rivas Robbins Robertson Robles Rocha Roman Rosales Rosenberg Rowland Rubio Russell Salazar Salinas Sampson Sandoval ' +
    'Santana Saunders Savage Sawyer Schaefer Schmidt Schneider Schroeder Schultz Schwartz Sellers Serrano Sexton Shaffer Shannon Shapiro ' +
    'Shepherd Sheridan Sherman Shields Silva Simmons Sinclair Singleton Skinner Snyder Solomon Sorensen Sotelo Sparks Spencer Stafford ' +
    'Stanley Steele Stein Stephenson Sterling Stevenson Stokes Strickland Suárez Subramanian Sullivan Summers Sutherland Sutton Sweeney ' +
    'Szymanski Tanaka Tate Terrell Thornton Townsend Trevino Trujillo Tucker Underwood Valdez Valencia Valentine Vance Vargas Vasquez Vaughan ' +
    'Velasquez Villanueva Villarreal Vincent Wagner Walters Warner Watkins Weaver Webster Weinstein Wheeler Whitaker Whitehead Wilkerson ' +
    'Wilkins Williamson Willis Winters Wolfe Woodard Wyatt Yoder York Zamora Zapata Zhang Zimmerman Zuniga',
);
const GIVEN = split(
  'Abigail Adriana Alejandro Alexander Alice Allison Amanda Amelia Andrea Andrew Angelica Antonio Arthur Barbara Beatriz Benjamin Bernadette ' +
    'Bradley Brandon Bridget Calvin Camille Carlos Caroline Catherine Cecilia Charlotte Christina Christopher Claire Clarence Claudia Clifford ' +
    'Courtney Cynthia Daniel Deborah Diego Dolores Dominic Donald Douglas Eduardo Eleanor Elizabeth Emmanuel Enrique Esteban Eugene Evelyn ' +
    'Felicia Fernando Florence Francis Frederick Gabriel Geoffrey Gertrude Gregory Harold Heather Helen Henry Howard Ignacio Isabella ' +
    'Jacqueline Janet Jeffrey Jennifer Jeremy Jessica Joaquín Jonathan Joseph Josephine Joshua Judith Julian Katherine Kathleen Kimberly ' +
    'Kristopher Laurence Leonard Lillian Lorraine Lucía Madeline Manuel Marcus Margaret Marjorie Matthew Maximilian Melissa Meredith Michael ' +
    'Michelle Mildred Mitchell Natalie Nathaniel Nicholas Olivia Oscar Pamela Patricia Patrick Penelope Philip Phyllis Priscilla Rachel ' +
    'Rafael Ramón Raymond Rebecca Reginald Ricardo Richard Roberto Rodney Roland Rosemary Russell Samantha Samuel Sebastian Sharon Sidney ' +
    'Sophia Stanley Stephanie Stephen Steven Sylvia Teresa Theodore Thomas Timothy Valerie Vanessa Victoria Vincent Virginia Walter Wesley ' +
    'William Winifred Yolanda Zachary',
);
const PLACES = split(
  'Mercy Providence Evergreen Lakeside Ridgeview Harborview Sunrise Cedar Magnolia Bayview Pinewood Riverbend Summit Heritage Liberty Beacon Cornerstone Horizon Meridian Oakmont',
);
const KINDS = [
  'Medical Center',
  'Family Health Clinic',
  'Community Hospital',
  'Orthopedic Associates',
  'Pharmacy',
  'Behavioral Health',
  'Dental Group',
  'Urgent Care',
  'Imaging Center',
  'Women’s Health',
];
const TOWNS = split('Hartford Camden Dayton Boise Albany Mobile Tucson Fresno Salem Dover Laramie Bangor');

/** Numbers between 0 and 1, always the same ones. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export type Named = { id: string; given: string; family: string };

/** `count` people; every seventh has two family names, every fifth a middle name. */
export function people(count: number): (Named & { resource: Resource })[] {
  const next = chance(11);
  const pick = (from: readonly string[]) => from[Math.floor(next() * from.length)] ?? '';
  return Array.from({ length: count }, (_, i) => {
    const given = pick(GIVEN);
    const family = i % 7 === 6 ? `${pick(FAMILY)}${i % 2 === 0 ? '-' : ' '}${pick(FAMILY)}` : pick(FAMILY);
    const id = `p${i}`;
    const resource = {
      resourceType: 'Practitioner',
      id,
      active: true,
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: inventedNpi('practitioner', 5, i) }],
      name: [{ family, given: i % 5 === 4 ? [given, pick(GIVEN)] : [given] }],
    };
    return { id, given, family, resource };
  });
}

export type Place = { id: string; name: string };

export function places(): (Place & { resource: Resource })[] {
  return PLACES.flatMap((place, p) =>
    KINDS.map((kind, k) => {
      const id = `o${p * KINDS.length + k}`;
      const name = `${k % 3 === 0 ? 'St. ' : ''}${place} ${kind}${k % 2 === 0 ? ` of ${TOWNS[(p + k) % TOWNS.length]}` : ''}`;
      return { id, name, resource: { resourceType: 'Organization', id, active: true, name } };
    }),
  );
}

const plain = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '');

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** One slip in the longest word. */
function slip(text: string, next: () => number, kind: 'swap' | 'drop' | 'double' | 'wrong'): string {
  const words = plain(text).split(' ');
  const w = words.reduce((best, word, i) => (word.length > (words[best]?.length ?? 0) ? i : best), 0);
  const word = words[w] ?? '';
  const at = 1 + Math.floor(next() * Math.max(1, word.length - 2));
  const c = word[at] ?? '';
  const changed = {
    swap: word.slice(0, at) + (word[at + 1] ?? '') + c + word.slice(at + 2),
    drop: word.slice(0, at) + word.slice(at + 1),
    double: word.slice(0, at) + c + word.slice(at),
    wrong: word.slice(0, at) + (LETTERS[Math.floor(next() * 26)] ?? 'x') + word.slice(at + 1),
  }[kind];
  return words.map((each, i) => (i === w ? changed : each)).join(' ');
}

/** As it is heard. */
const HEARD: readonly [RegExp, string][] = [
  [/ph/g, 'f'],
  [/ck/g, 'k'],
  [/sch/g, 'sh'],
  [/mc/g, 'mac'],
  [/ght/g, 't'],
  [/ei/g, 'ie'],
  [/y\b/g, 'ie'],
  [/ll/g, 'l'],
  [/tt/g, 't'],
  [/ss/g, 's'],
  [/nn/g, 'n'],
  [/rr/g, 'r'],
  [/z/g, 's'],
  [/c(?=[eiy])/g, 's'],
  [/oe/g, 'o'],
  [/au/g, 'aw'],
];
function heard(text: string): string {
  let sound = plain(text).toLowerCase();
  let changes = 0;
  for (const [from, to] of HEARD) {
    const after = sound.replace(from, to);
    if (after !== sound && ++changes <= 2) sound = after;
  }
  return sound;
}

export type Asked = { kind: string; text: string; wanted: string };

/** How people write the name of somebody they look for. */
export function misspelt(p: Named, i: number): Asked[] {
  const next = chance(1000 + i);
  const given = plain(p.given);
  const family = plain(p.family);
  const nick = [...nicknamesOf(given.toLowerCase())][0];
  const asked: [string, string][] = [
    ['plain', `${given} ${family}`.toLowerCase()],
    ['as written', `${p.given} ${p.family}`],
    ['family first', `${family}, ${given}`],
    ['with title', `Dr. ${given} ${family} MD`],
    ['swap', `${given} ${slip(family, next, 'swap')}`],
    ['drop', `${given} ${slip(family, next, 'drop')}`],
    ['double', `${slip(given, next, 'double')} ${family}`],
    ['wrong', `${given} ${slip(family, next, 'wrong')}`],
    ['both wrong', `${slip(given, next, 'wrong')} ${slip(family, next, 'swap')}`],
    ['heard', `${given} ${heard(family)}`],
    ['joined', `${given} ${family.replace(/[ -]/g, '')}`],
    ['begun', `${given.slice(0, Math.max(3, given.length - 3))} ${family}`],
  ];
  if (nick !== undefined) asked.push(['nickname', `${nick} ${family}`]);
  if (/[ -]/.test(family)) asked.push(['one of two', `${given} ${family.split(/[ -]/)[1]}`]);
  return asked.map(([kind, text]) => ({ kind, text, wanted: p.id }));
}

export function misspeltPlace(o: Place, i: number): Asked[] {
  const next = chance(9000 + i);
  const name = plain(o.name.replace('’', ''));
  const asked: [string, string][] = [
    ['place', name.toLowerCase()],
    ['place saint', name.replace('St.', 'saint')],
    ['place slip', slip(name, next, 'drop')],
    ['place wrong', slip(name, next, 'wrong')],
    ['place without small words', name.replace(/ of /g, ' ').replace('St. ', 'st ')],
    ['place heard', heard(name)],
  ];
  return asked.map(([kind, text]) => ({ kind, text, wanted: o.id }));
}
