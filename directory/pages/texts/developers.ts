// Texts of the developers' page, in the order in which they stand.
import type { LanguageCode } from '../language.ts';

const en = {
  examples: 'Live examples',
  examplesLead:
    'Each runs against this directory: follow the link, or copy the line. _pretty=true breaks the lines of an answer for reading, _format=xml gives XML.',
  run: 'Run',
  titles: {
    npi: 'A person by NPI, in any style',
    name: 'A person by a name that need not be spelt right',
    specialty: 'Who has this specialty, with the people',
    plain: 'The same in plain words, English or Spanish',
    near: 'Nearest first from a ZIP code, with the distance',
    network: 'Who is in this network and takes new patients',
    city: 'Roles in a city (a chain)',
    has: 'People with a role in this network (_has)',
    places: 'Places in a city with the services there',
    networks: 'All networks',
    plans: 'Plans that use this network',
    since: 'What changed since a day',
    history: 'History of a type, with deletions',
    inNetwork: 'Is this provider in this plan on this day?',
  },
  doors: 'Where to begin',
  capability: 'CapabilityStatement: all that can be asked',
  definition: 'OperationDefinition of $in-network',
  keysLink: 'Public keys of signed statements',
  base: 'Base address',
  bulk: 'The whole directory',
  publications: 'Publications: the whole as files, with the changes since ($bulk-publish, $export)',
  bulkLead: 'Taking everything is welcome; do not crawl for it. These are files, made with each publication.',
  channels: {
    bulkPublish: '$bulk-publish: manifest of all files, and what changed since',
    history: '_history: every change, with deletions',
  },
  exportText:
    'Filtered files by $export: the answer is 202 and names an address to ask; kept files are shared by all who ask the same.',
  limits: 'Limits',
  rate: (perMinute: string) => `${perMinute} requests a minute and address; past it 429 with Retry-After.`,
  limitsText: (count: string) =>
    `Pages of a search hold at most ${count} matches. Addresses are at most 8 KiB long: send longer searches as POST to _search. A search that takes too long answers 503.`,
  noLimit: 'There is no limit of requests here.',
  privacy: 'What we keep of your requests',
  privacyText:
    'Nothing that links a reader to a question. The log holds method, kind of route, status and duration; no query, no address, no user agent, no id that was read. There is no cookie. The limit of requests knows addresses only as a keyed hash in memory, whose key changes daily. A search by GET stands in its address, which proxies and browsers may keep: POST to _search and to $in-network keeps values out of it. An application must not send who is asking.',
  signed: 'Signed statements',
  signedText:
    '$in-network with _format=jws gives a compact JWS (RFC 7515, ES384) over the Parameters resource, byte for byte. Take the key that its header names (kid) from the published set and verify with any JOSE library. Keep a copy of the set beside the statement, and it can be checked without us.',
  federate: 'Other directories',
  federateText:
    'Another node, or any Plan-Net client, can follow this directory: read the CapabilityStatement, take everything once, then ask for _history since the last time and apply deletions. Ids and versions are stable; content stays as its source sent it. Respect Retry-After and validate what you take.',
};

const es: typeof en = {
  examples: 'Ejemplos en vivo',
  examplesLead:
    'Cada uno funciona con este directorio: siga el enlace o copie la línea. Con _pretty=true la respuesta viene en líneas para leerla; con _format=xml, en XML.',
  run: 'Ejecutar',
  titles: {
    npi: 'Una persona por su NPI, escrito de cualquier modo',
    name: 'Una persona por un nombre que no hace falta escribir bien',
    specialty: 'Quién tiene esta especialidad, con las personas',
    plain: 'Lo mismo en palabras sencillas, en inglés o español',
    near: 'Lo más cercano a un código postal, con la distancia',
    network: 'Quién está en esta red y acepta pacientes nuevos',
    city: 'Funciones en una ciudad (una cadena)',
    has: 'Personas con una función en esta red (_has)',
    places: 'Lugares de una ciudad con sus servicios',
    networks: 'Todas las redes',
    plans: 'Planes que usan esta red',
    since: 'Lo que cambió desde un día',
    history: 'Historia de un tipo, con lo borrado',
    inNetwork: '¿Está este proveedor en este plan en este día?',
  },
  doors: 'Puertas',
  capability: 'CapabilityStatement: todo lo que se puede preguntar',
  definition: 'OperationDefinition de $in-network',
  keysLink: 'Claves públicas de las constancias firmadas',
  base: 'Dirección base',
  bulk: 'El directorio entero',
  publications: 'Publicaciones: el directorio entero en archivos, con los cambios posteriores ($bulk-publish, $export)',
  bulkLead: 'Puede llevarse todo; no lo recorra página por página. Son archivos, hechos con cada publicación.',
  channels: {
    bulkPublish: '$bulk-publish: lista de todos los archivos, y lo que cambió desde entonces',
    history: '_history: cada cambio, con lo borrado',
  },
  exportText:
    'Archivos filtrados con $export: la respuesta es 202 y nombra una dirección para preguntar; los archivos guardados se comparten entre todos los que piden lo mismo.',
  limits: 'Límites',
  rate: (perMinute) => `${perMinute} peticiones por minuto y dirección; después, 429 con Retry-After.`,
  limitsText: (count) =>
    `Las páginas de una búsqueda tienen como máximo ${count} resultados. Las direcciones tienen como máximo 8 KiB: envíe búsquedas más largas por POST a _search. Una búsqueda que tarda demasiado responde 503.`,
  noLimit: 'Aquí no hay límite de peticiones.',
  privacy: 'Lo que guardamos de sus peticiones',
  privacyText:
    'Nada que una a un lector con una pregunta. El registro contiene método, tipo de ruta, estado y duración; ni consulta, ni dirección, ni navegador, ni identificador leído. No hay cookies. El límite de peticiones conoce las direcciones solo como un resumen con clave en memoria, cuya clave cambia cada día. Una búsqueda por GET queda en su dirección, que los proxies y navegadores pueden guardar: POST a _search y a $in-network evita que los valores queden en ella. Una aplicación no debe enviar quién pregunta.',
  signed: 'Constancias firmadas',
  signedText:
    '$in-network con _format=jws da un JWS compacto (RFC 7515, ES384) sobre el recurso Parameters, byte por byte. Tome del conjunto publicado la clave que nombra su cabecera (kid) y verifique con cualquier biblioteca JOSE. Guarde una copia del conjunto junto a la constancia y se podrá comprobar sin nosotros.',
  federate: 'Otros directorios',
  federateText:
    'Otro nodo, o cualquier cliente de Plan-Net, puede seguir este directorio: lea el CapabilityStatement, llévese todo una vez, y después pida _history desde la última vez y aplique lo borrado. Identificadores y versiones son estables; el contenido queda como lo envió su fuente. Respete Retry-After y valide lo que se lleva.',
};

export const DEVELOPER_TEXTS: Record<LanguageCode, typeof en> = { en, es };
export type ExampleName = keyof typeof en.titles;
