// Invented people are put together from common given and family names. No two entries differ only by an accent, so a
// folded search has one right answer (plan-net 6.1).

/** Lists are written with bars between the entries, which keeps them short. */
const split = (entries: string): readonly string[] => entries.split('|');

export const FEMALE_GIVEN: readonly string[] = split(
  'Mary|Patricia|Jennifer|Linda|Elizabeth|Barbara|Susan|Jessica|Sarah|Karen|Lisa|Nancy|Sandra|Ashley|' +
    'Emily|Kimberly|Margaret|Donna|Michelle|Carol|Amanda|Melissa|Deborah|Stephanie|Rebecca|Sharon|Laura|' +
    'Cynthia|Dorothy|Amy|Kathleen|Angela|Shirley|Brenda|Emma|Anna|Pamela|Nicole|Samantha|Katherine|' +
    'Christine|Helen|Priya|Mei|Fatima|Aaliyah|Guadalupe|María José|Zoë|Renée|Siobhán|Anaïs|Keisha|Latoya|' +
    'Thuy|Yuki|Ingrid|Oluchi|Noor|Esperanza',
);

export const MALE_GIVEN: readonly string[] = split(
  'James|Robert|John|Michael|David|William|Richard|Joseph|Thomas|Christopher|Charles|Daniel|Matthew|' +
    'Anthony|Mark|Donald|Steven|Andrew|Paul|Joshua|Kenneth|Kevin|Brian|Timothy|Ronald|George|Jason|Edward|' +
    'Jeffrey|Ryan|Jacob|Gary|Nicholas|Eric|Jonathan|Stephen|Larry|Justin|Scott|Brandon|Benjamin|Samuel|' +
    'Raj|Wei|Omar|Jamal|José|Jesús|François|Jürgen|Søren|Andrés|Hiroshi|Minh|Tyrone|DeShawn|Kwame|Ivan|' +
    'Björn|Tomás',
);

export const FAMILY: readonly string[] = split(
  'Smith|Johnson|Williams|Brown|Jones|Garcia|Miller|Davis|Rodriguez|Martinez|Lopez|Gonzalez|Wilson|' +
    'Anderson|Thomas|Taylor|Moore|Jackson|Martin|Lee|Thompson|White|Harris|Sanchez|Clark|Lewis|Robinson|' +
    'Walker|Young|Allen|King|Wright|Scott|Torres|Nguyen|Hill|Flores|Green|Adams|Nelson|Baker|Hall|Rivera|' +
    'Campbell|Mitchell|Carter|Roberts|Gomez|Phillips|Evans|Turner|Diaz|Parker|Cruz|Edwards|Collins|Reyes|' +
    'Stewart|Morris|Morales|Murphy|Cook|Rogers|Gutierrez|Ortiz|Morgan|Cooper|Peterson|Bailey|Reed|Kelly|' +
    'Howard|Ramos|Kim|Cox|Ward|Richardson|Watson|Brooks|Chavez|Wood|James|Bennett|Gray|Mendoza|Ruiz|' +
    'Hughes|Price|Alvarez|Castillo|Sanders|Patel|Myers|Long|Ross|Foster|Müller|Núñez|Peña|Muñoz|Ibáñez|' +
    'Böhm|Åkesson|Łukasik|Çelik|Dvořák|Šimić|García-Moreno|Okafor|Singh|Khan|Chen|Tran|Kowalski|Rossi|' +
    "Haddad|Yamamoto|Abebe|O'Brien|D'Angelo|van den Berg|de la Cruz|St. James|Washington|Jefferson|" +
    'Freeman|Banks',
);

/** Names in their own script with the Latin form a payer would keep beside them. */
export const OTHER_SCRIPTS = [
  { gender: 'male', family: '王', given: '伟', latin: { family: 'Wang', given: 'Weimin' } },
  { gender: 'female', family: 'Иванова', given: 'Ольга', latin: { family: 'Ivanova', given: 'Olga' } },
  { gender: 'male', family: 'الحسن', given: 'أحمد', latin: { family: 'Al-Hassan', given: 'Ahmed' } },
  { gender: 'female', family: '김', given: '지은', latin: { family: 'Gim', given: 'Jieun' } },
  { gender: 'male', family: 'Παπαδόπουλος', given: 'Νίκος', latin: { family: 'Papadopoulos', given: 'Nikos' } },
  { gender: 'female', family: '佐藤', given: '花子', latin: { family: 'Sato', given: 'Hanako' } },
] as const;

/** Long form and the short form people go by. */
export const NICKNAMES: readonly { formal: string; short: string }[] = split(
  'William Bill|Robert Bob|Elizabeth Betty|Margaret Peggy|James Jim|Katherine Kate|Richard Rick|Patricia Patty|Michael Mike|Jennifer Jen',
).map((pair) => {
  const [formal = '', short = ''] = pair.split(' ');
  return { formal, short };
});

export const STREETS: readonly string[] = split(
  'Maple|Oak|Cedar|Elm|Birch|Walnut|Chestnut|Juniper|Willow|Sycamore|Hawthorn|Poplar|Meadow|Orchard|' +
    'Harvest|Lantern|Foundry|Millstone|Granite|Copper|Heron|Kestrel|Bluebird|Foxglove|Larkspur|Thistle|' +
    'Quarry|Ferry|Beacon|Windmill|Clover|Sparrow',
);

export const STREET_KINDS: readonly string[] = split('Street|Avenue|Road|Lane|Drive|Boulevard|Court|Way|Parkway');

/** First words of invented organizations. */
export const ORG_WORDS: readonly string[] = split(
  'Lakeview|Northgate|Riverbend|Summit|Harborside|Cedar Grove|Stonebridge|Greenfield|Bright Path|' +
    'Evergreen|Silver Lake|Oakwood|Sunrise|Westhaven|Pinecrest|Blue Heron|Ironwood|Golden Mile|' +
    'Clearwater Bend|Meadowlark|Kingfisher|Copperfield|Fairhaven|Willowbrook|Hillcrest|Redstone|Millpond|' +
    'Brookside|Starling|Amberley|Eastgate|Three Oaks',
);
