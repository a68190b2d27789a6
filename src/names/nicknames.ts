// Given names that stand for each other. Groups are facts of usage, kept short; the first name of a group is its root.

/** Read by member matching as well: a change here is a change of its rules (exchange/responder/match/normalize.ts, NORMALIZATION). */
export const NICKNAMES: readonly (readonly string[])[] = [
  ['robert', 'bob', 'bobby', 'rob', 'robbie'],
  ['william', 'bill', 'billy', 'will', 'willie', 'liam'],
  ['richard', 'dick', 'rick', 'ricky', 'rich'],
  ['james', 'jim', 'jimmy', 'jamie'],
  ['john', 'jack', 'johnny', 'jon'],
  ['margaret', 'maggie', 'peggy', 'meg', 'marge'],
  ['elizabeth', 'liz', 'beth', 'betty', 'eliza', 'lisa', 'betsy'],
  ['katherine', 'catherine', 'kathryn', 'kathy', 'cathy', 'kate', 'katie', 'kat'],
  ['thomas', 'tom', 'tommy'],
  ['michael', 'mike', 'mickey'],
  ['joseph', 'joe', 'joey'],
  ['charles', 'charlie', 'chuck'],
  ['edward', 'ed', 'eddie', 'ted'],
  ['daniel', 'dan', 'danny'],
  ['anthony', 'tony'],
  ['patricia', 'pat', 'patty', 'tricia', 'trish'],
  ['jennifer', 'jen', 'jenny'],
  ['susan', 'sue', 'susie', 'suzanne'],
  ['deborah', 'deb', 'debbie'],
  ['alexander', 'alex', 'sasha'],
  ['alexandra', 'alexa', 'sandra'],
  ['christopher', 'chris'],
  ['christina', 'christine', 'tina', 'chrissy'],
  ['matthew', 'matt'],
  ['andrew', 'andy', 'drew'],
  ['steven', 'stephen', 'steve'],
  ['samuel', 'sam', 'sammy'],
  ['benjamin', 'ben'],
  ['nicholas', 'nick'],
  ['francisco', 'paco', 'pancho'],
  ['jose', 'pepe'],
  ['guadalupe', 'lupe'],
  ['rebecca', 'becky'],
  ['barbara', 'barb'],
  ['victoria', 'vicky', 'tori'],
  ['theodore', 'theo', 'teddy'],
  ['lawrence', 'larry'],
  ['gregory', 'greg'],
  ['kenneth', 'ken', 'kenny'],
  ['ronald', 'ron', 'ronnie'],
  ['timothy', 'tim'],
  ['jeffrey', 'jeff'],
  ['dorothy', 'dot', 'dottie'],
  ['frances', 'fran'],
];

const list = (text: string): readonly (readonly string[])[] => text.split('|').map((group) => group.split(' '));

/** Further groups, for finding people by name only: too loose to tell whether two records are one person. */
const LOOSE: readonly (readonly string[])[] = list(
  'abigail abby gail|adam ad|albert al bert|alfred al fred|allison alison ali allie|amanda mandy|amelia amy millie|' +
    'angela angie|ann anne anna annie nancy|antonio tony tono|arthur art artie|ashley ash|beatriz bea betty|' +
    'bradley brad|brandon bran|cameron cam|carolyn carol carrie|carlos charlie|catalina cata cathy|' +
    'cecilia ceci cece|clifford cliff|consuelo chelo|cynthia cindy|david dave davy|dennis denny|' +
    'diana di diane|dolores lola|dominic dom nick|donald don donnie|douglas doug|eduardo eddie lalo|' +
    'eleanor ellie nell nora|emily em emma|emmanuel manny|enrique kike quique|ernesto neto|' +
    'eugene gene|evelyn eve evie|fernando fer nando|florence flo|francis frank fran|francisco frank kiko|' +
    'franklin frank|frederick fred freddy|gabriel gabe|gabriela gabby|gerald gerry jerry|geoffrey jeff geoff|' +
    'gertrude trudy|graciela chela|harold harry hal|harriet hattie|helen nell ellen|henry hank harry|' +
    'howard howie|ignacio nacho|isabel isabella isa izzy bella|isaac ike|jacob jake|jacqueline jackie|' +
    'jacinto chinto|janet jan|jason jay|jeremy jerry|jeremiah jerry|jessica jess jessie|jesus chuy|joan joanie|' +
    'joaquin quino|jonathan jon john|jose joe pepe chepe|josephine jo josie|joshua josh|juan john juanito|' +
    'judith judy|julian jules|juliana julie|karen kari|kathleen kathy kate|katrina kat trina|kevin kev|' +
    'kimberly kim|laura laurie|leonard leo len lenny|leonardo leo|leslie les|lillian lily lil|linda lin lindy|' +
    'louis lou louie|lucia lucy|luis lou lucho|madeline maddie|manuel manny manolo|marcus mark marc|' +
    'maria mary mari|maria marie|martha marty|martin marty|maximilian max|melissa mel missy|mercedes meche|' +
    'melanie mel|michelle shelly|miguel mike|mildred millie|mitchell mitch|nathan nate|nathaniel nate nat|' +
    'nicole nikki|norman norm|oliver ollie|olivia liv|oscar ozzie|pablo paul|pamela pam|patrick pat paddy|' +
    'paul paulie|pedro peter perico|penelope penny|peter pete|philip phillip phil|phyllis phyl|rachel rae|' +
    'rafael rafa ralph|ramon moncho|randall randy|raymond ray|raul raulito|reginald reggie|ricardo rick rico|' +
    'roberto rob beto|rodney rod|rodrigo rod|roger rog|rosa rose rosita|rosario charo|roland roly|rudolph rudy|' +
    'russell russ|sara sarah sally|samantha sam|santiago santi|sergio checo|sharon shari|sheldon shel|' +
    'shirley shirl|sidney sid|sophia sophie sofia|stanley stan|stephanie steph|stephen steve|stuart stu|sylvia syl|' +
    'teresa theresa terry tere tess|terrence terry|tomas tom|valerie val|vanessa nessa|vincent vince vinny|' +
    'vicente vince chente|virginia ginny|walter walt wally|wesley wes|winifred winnie|yolanda yoli|zachary zach zack',
);

function byName(groups: readonly (readonly string[])[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const group of groups)
    for (const name of group) {
      const others = found.get(name) ?? new Set<string>();
      for (const other of group) if (other !== name) others.add(other);
      found.set(name, others);
    }
  return found;
}

const OTHERS = byName([...NICKNAMES, ...LOOSE]);

/** Names that may stand for this one, folded; strict and loose groups together. */
export function nicknamesOf(name: string): ReadonlySet<string> {
  return OTHERS.get(name) ?? NONE;
}
const NONE: ReadonlySet<string> = new Set();
