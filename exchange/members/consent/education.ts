// The text that members are shown when they are asked for permission (42 CFR 422.121(b)(7)): plain language, in English and
// Spanish, with a version. What was shown is kept with its SHA-256, so that a later version changes nothing of the proof.
import { createHash } from 'node:crypto';
import type { ShownText } from './choice-rows.ts';

const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];
export const isLanguage = (v: string | undefined): v is Language => v === 'en' || v === 'es';

const EDUCATION_ID = 'payer-to-payer';
/** A change of the words below needs a new version. */
const EDUCATION_VERSION = '2027.1';

const PARAGRAPHS: Readonly<Record<Language, readonly string[]>> = {
  en: [
    'You may ask us to get your health records from your earlier health plan, and from any other plan that covers you now. It is your choice. Your care and your coverage with us stay the same if you say no.',
    'What we would get: claims and visits, medical information such as conditions, medicines, test results and vaccines, and approved requests for services. We ask for at least the last five years. We do not get what you or the plan paid, or requests that were denied.',
    'Why it helps: your doctors and we can see your history, so that you need not repeat tests or send papers, and treatment that you already have can go on.',
    'Sensitive information, such as substance use treatment, is left out unless you say that it should be included.',
    'You can change your mind at any time. If you say no later, we stop asking and stop sending. What we have received by then stays in our records as the law requires.',
    'If another plan covers you at the same time, we ask that plan again every three months while both cover you. Other plans may ask us for your records in the same way, with your permission.',
  ],
  es: [
    'Usted puede pedirnos que obtengamos sus registros de salud de su plan de salud anterior y de cualquier otro plan que lo cubra ahora. Es su decisión. Su atención y su cobertura con nosotros no cambian si dice que no.',
    'Qué recibiríamos: reclamaciones y visitas, información médica como enfermedades, medicinas, resultados de análisis y vacunas, y solicitudes de servicios aprobadas. Pedimos por lo menos los últimos cinco años. No recibimos lo que usted o el plan pagaron, ni las solicitudes que fueron negadas.',
    'Cómo le ayuda: sus médicos y nosotros podemos ver su historia, para que usted no tenga que repetir análisis ni enviar papeles, y para que un tratamiento que ya recibe pueda continuar.',
    'La información delicada, como el tratamiento por uso de sustancias, no se incluye a menos que usted diga que sí.',
    'Usted puede cambiar de opinión en cualquier momento. Si más tarde dice que no, dejamos de pedir y de enviar. Lo que ya recibimos se queda en nuestros registros, como exige la ley.',
    'Si otro plan lo cubre al mismo tiempo, le pedimos sus registros otra vez cada tres meses mientras los dos lo cubran. Otros planes pueden pedirnos sus registros de la misma manera, con su permiso.',
  ],
};

/** The paragraphs of the text. */
export const educationParagraphs = (language: Language): readonly string[] => PARAGRAPHS[language];

/** The text as it is kept. */
export function educationText(language: Language): ShownText {
  const body = PARAGRAPHS[language].join('\n\n');
  return {
    id: EDUCATION_ID,
    version: EDUCATION_VERSION,
    language,
    body,
    sha256: createHash('sha256').update(body).digest('hex'),
  };
}
