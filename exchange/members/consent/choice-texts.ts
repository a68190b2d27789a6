// Words of the forms about the exchange, in English and Spanish: for the member's own page and for those who serve on the telephone.

import type { Language } from './education.ts';
import type { Requested } from './record-choice.ts';

/** A day, YYYY-MM-DD, as people write it. */
const inWords = (language: Language, day: string): string =>
  new Intl.DateTimeFormat(`${language}-US`, { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );

export const CHOICE_WORDS = {
  en: {
    title: 'Your health records from other plans',
    holds: 'Your choice today',
    none: 'You have not chosen yet.',
    optIn: 'Yes: ask my other plans for my records, and share mine with them when they ask.',
    optedIn: (day: string) => `You said yes on ${inWords('en', day)}.`,
    declined: (day: string) => `You said no on ${inWords('en', day)}.`,
    no: 'No: do not ask and do not share.',
    sensitive: 'Include sensitive information, such as substance use treatment.',
    whichPayers: 'Which plans',
    both: 'Earlier plans and plans that cover me now',
    previous: 'Earlier plans only',
    concurrent: 'Plans that cover me now only',
    representative: 'I act for the member',
    representativeName: 'Name of the person who acts for the member',
    authority: 'By what right (parent, guardian, power of attorney …)',
    save: 'Save the choice',
    saved: 'Thank you. Your choice is saved and holds from now.',
    same: 'That is your choice already. Nothing was changed.',
    payersTitle: 'Your other plans',
    noPayers: 'You have named no other plan.',
    payer: 'Name of the plan',
    number: 'Member number on its card',
    starts: 'Covered from',
    ends: 'Covered until (empty if it goes on)',
    addPayer: 'Add the plan',
    payerAdded: 'Thank you. The plan is saved.',
    notMine: 'This is not my plan',
    takenBack: 'Thank you. We do not ask this plan. If it is yours after all, add it again.',
    ask: 'Ask this plan now',
    asked: 'We ask this plan within a week.',
    noAddress: 'We have noted that you want it. We do not know yet how to reach this plan; we ask it as soon as we do.',
    later:
      'We have noted that you want it. Your coverage with us begins much later: we ask this plan from 90 days before it does.',
    notChosen: 'Your choice leaves out plans such as this one, so we may not ask it. Change your choice first.',
    notCovered: 'Your coverage with us has ended, so we may not ask this plan any more.',
    birth: 'Your birth date',
    go: 'Continue',
    birthWhy: 'Please tell us your birth date, so that no one else can choose for you.',
    wrong: 'That did not fit, or the link has ended. After five tries a link ends; call us for a new one.',
    expired: 'Too much time has passed since you gave your birth date. Nothing was saved: please give it again.',
    check: 'Please check',
    failed: 'Something went wrong on our side. Please try again later, or call us and tell us this number:',
    ended: 'This link has ended. Please call us for a new one.',
    version: (v: string) => `Text version ${v}`,
    channels: { phone: 'phone', mail: 'mail', portal: 'portal', 'in-person': 'in person', email: 'email' },
    faults: {
      choice: 'Please say yes or no.',
      payers: 'Please say which plans.',
      channel: 'Please say how the member answered.',
      verification: 'Please say how the person was verified.',
      representative: 'Please give both the name and the right of the person who acts for the member.',
      long: 'One of the fields is too long.',
      payer: 'Please give the name of the plan.',
      member_number: 'The member number is too long.',
      dates: 'The dates cannot be right.',
      many: 'More plans are named already than can be kept. Please call us.',
    },
  },
  es: {
    title: 'Sus registros de salud de otros planes',
    holds: 'Su decisión de hoy',
    none: 'Todavía no ha decidido.',
    optIn: 'Sí: pidan mis registros a mis otros planes y compartan los míos cuando ellos los pidan.',
    optedIn: (day: string) => `Usted dijo que sí el ${inWords('es', day)}.`,
    declined: (day: string) => `Usted dijo que no el ${inWords('es', day)}.`,
    no: 'No: no pidan ni compartan.',
    sensitive: 'Incluir información delicada, como el tratamiento por uso de sustancias.',
    whichPayers: 'Qué planes',
    both: 'Planes anteriores y planes que me cubren ahora',
    previous: 'Solo planes anteriores',
    concurrent: 'Solo planes que me cubren ahora',
    representative: 'Actúo en nombre del miembro',
    representativeName: 'Nombre de la persona que actúa por el miembro',
    authority: 'Con qué derecho (padre o madre, tutor, poder legal …)',
    save: 'Guardar la decisión',
    saved: 'Gracias. Su decisión está guardada y vale desde ahora.',
    same: 'Esa ya es su decisión. No se cambió nada.',
    payersTitle: 'Sus otros planes',
    noPayers: 'No ha nombrado otro plan.',
    payer: 'Nombre del plan',
    number: 'Número de miembro en su tarjeta',
    starts: 'Cubierto desde',
    ends: 'Cubierto hasta (vacío si continúa)',
    addPayer: 'Agregar el plan',
    payerAdded: 'Gracias. El plan está guardado.',
    notMine: 'Este no es mi plan',
    takenBack: 'Gracias. No pediremos nada a este plan. Si resulta que es suyo, agréguelo otra vez.',
    ask: 'Pedir ahora a este plan',
    asked: 'Pediremos a este plan dentro de una semana.',
    noAddress:
      'Anotamos que usted lo desea. Todavía no sabemos cómo comunicarnos con este plan; le pediremos en cuanto lo sepamos.',
    later:
      'Anotamos que usted lo desea. Su cobertura con nosotros empieza mucho después: pediremos a este plan desde 90 días antes.',
    notChosen: 'Su decisión no incluye planes como este, así que no podemos pedirle nada. Cambie primero su decisión.',
    notCovered: 'Su cobertura con nosotros terminó, así que ya no podemos pedirle nada a este plan.',
    birth: 'Su fecha de nacimiento',
    go: 'Continuar',
    birthWhy: 'Díganos su fecha de nacimiento, para que nadie más pueda decidir por usted.',
    wrong: 'No coincide, o el enlace terminó. Después de cinco intentos el enlace termina; llámenos para recibir otro.',
    expired:
      'Ha pasado demasiado tiempo desde que usted dio su fecha de nacimiento. No se guardó nada: escríbala otra vez.',
    check: 'Revise, por favor',
    failed: 'Algo falló de nuestra parte. Inténtelo más tarde, o llámenos y díganos este número:',
    ended: 'Este enlace terminó. Llámenos para recibir otro.',
    version: (v: string) => `Versión del texto ${v}`,
    channels: {
      phone: 'teléfono',
      mail: 'correo postal',
      portal: 'portal',
      'in-person': 'en persona',
      email: 'correo electrónico',
    },
    faults: {
      choice: 'Diga sí o no.',
      payers: 'Diga qué planes.',
      channel: 'Diga cómo respondió el miembro.',
      verification: 'Diga cómo se verificó a la persona.',
      representative: 'Escriba el nombre y el derecho de la persona que actúa por el miembro.',
      long: 'Uno de los campos es demasiado largo.',
      payer: 'Escriba el nombre del plan.',
      member_number: 'El número de miembro es demasiado largo.',
      dates: 'Las fechas no pueden ser correctas.',
      many: 'Ya hay más planes de los que se pueden guardar. Llámenos, por favor.',
    },
  },
} as const;

export const faultWords = (language: Language, codes: readonly string[]): string[] => {
  const words: Readonly<Record<string, string>> = CHOICE_WORDS[language].faults;
  return codes.map((c) => words[c] ?? c);
};

/** What became of the wish to have a payer asked, as the member is told it. */
export const requestWords = (language: Language): Readonly<Record<Requested, string>> => {
  const w = CHOICE_WORDS[language];
  return {
    asked: w.asked,
    'no-address': w.noAddress,
    later: w.later,
    'not-chosen': w.notChosen,
    'not-covered': w.notCovered,
  };
};
