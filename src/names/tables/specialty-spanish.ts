// Spanish for the specialties that our own tables name (specialty-words.ts, specialty-kin.ts, src/seed/specialties.ts): plain words, ours, which say
// what is treated where the name of the field does not. Codes of the Health Care Provider Taxonomy (© American Medical
// Association, see NOTICE). Fields, not professions: a page says them of women and men.
import { SPANISH_KIN } from './specialty-kin-spanish.ts';

const TABLE = `
207Q00000X Medicina familiar
208D00000X Medicina general
207R00000X Medicina interna
363LF0000X Enfermería especializada en medicina familiar
363LP2300X Enfermería especializada en atención primaria
208000000X Pediatría
363LP0200X Enfermería especializada en pediatría
207QG0300X Geriatría (personas mayores)
207RG0300X Geriatría (personas mayores)
207RC0000X Cardiología (corazón)
207RI0011X Cardiología intervencionista (corazón)
207RC0001X Electrofisiología cardíaca (ritmo del corazón)
2080P0202X Cardiología pediátrica (corazón)
207RE0101X Endocrinología (diabetes, tiroides, hormonas)
2080P0205X Endocrinología pediátrica (diabetes, tiroides, hormonas)
207RG0100X Gastroenterología (estómago y digestión)
207RI0008X Hepatología (hígado)
2080P0206X Gastroenterología pediátrica (estómago y digestión)
207RH0003X Hematología y oncología (sangre y cáncer)
207RX0202X Oncología (cáncer)
207RH0000X Hematología (sangre)
2085R0001X Radioterapia (cáncer)
2080P0207X Hematología y oncología pediátricas (sangre y cáncer)
207RN0300X Nefrología (riñones)
2080P0210X Nefrología pediátrica (riñones)
207RP1001X Neumología (pulmones)
2080P0214X Neumología pediátrica (pulmones)
207RR0500X Reumatología (artritis y articulaciones)
2080P0216X Reumatología pediátrica (artritis y articulaciones)
207RI0200X Infectología (infecciones)
2080P0208X Infectología pediátrica (infecciones)
207K00000X Alergia e inmunología
207KA0200X Alergia
207RA0201X Alergia e inmunología
207N00000X Dermatología (piel)
207NP0225X Dermatología pediátrica (piel)
207ND0101X Cirugía del cáncer de piel
207V00000X Obstetricia y ginecología
207VX0201X Oncología ginecológica (cáncer)
207VG0400X Ginecología
207VX0000X Obstetricia (embarazo y parto)
363LX0001X Enfermería especializada en obstetricia y ginecología
367A00000X Partería con licencia de enfermería
176B00000X Partería
207VE0102X Fertilidad
208800000X Urología (vejiga y próstata)
2088P0231X Urología pediátrica (vejiga)
2084N0400X Neurología (cerebro y nervios)
2084N0402X Neurología pediátrica (cerebro y nervios)
2084V0102X Neurología vascular (derrames cerebrales)
207T00000X Neurocirugía (cerebro y columna)
207W00000X Oftalmología (ojos)
152W00000X Optometría (examen de la vista y lentes)
207WX0107X Retina (ojos)
332H00000X Óptica (lentes)
207Y00000X Otorrinolaringología (oídos, nariz y garganta)
207YP0228X Otorrinolaringología pediátrica (oídos, nariz y garganta)
231H00000X Audiología (oído)
237600000X Audiología y audífonos
207X00000X Ortopedia (huesos y articulaciones)
207XS0106X Cirugía de la mano
207XS0114X Cirugía de reemplazo de articulaciones
207XX0005X Ortopedia deportiva
207XS0117X Cirugía de la columna
207QS0010X Medicina deportiva
207RS0010X Medicina deportiva
213E00000X Podología (pies)
213ES0103X Cirugía del pie y del tobillo
213ES0131X Cirugía del pie
111N00000X Quiropráctica
225100000X Fisioterapia
2251X0800X Fisioterapia ortopédica
225X00000X Terapia ocupacional
235Z00000X Terapia del habla
208VP0000X Manejo del dolor
208VP0014X Manejo del dolor con procedimientos
207LP2900X Manejo del dolor
208100000X Medicina física y rehabilitación
207L00000X Anestesiología
367500000X Enfermería especializada en anestesia
208600000X Cirugía general
208200000X Cirugía plástica
2086S0122X Cirugía plástica y reconstructiva
2086S0129X Cirugía vascular
208G00000X Cirugía del corazón y del tórax
207RB0002X Control de peso
2083B0002X Control de peso
133V00000X Dietética
133N00000X Nutrición
101YM0800X Consejería de salud mental
1041C0700X Trabajo social clínico
103T00000X Psicología
103TC0700X Psicología clínica
106H00000X Terapia de pareja y familia
2084P0800X Psiquiatría
101Y00000X Consejería
101YP2500X Consejería profesional
363LP0808X Enfermería especializada en salud mental
261QM0801X Clínica de salud mental
2084P0804X Psiquiatría infantil y juvenil
103TC2200X Psicología infantil y juvenil
104100000X Trabajo social
101YA0400X Consejería de adicciones
207RA0401X Medicina de adicciones
2084A0401X Medicina de adicciones
207QA0401X Medicina de adicciones
261QR0405X Clínica de tratamiento de adicciones
324500000X Centro de tratamiento de adicciones
103K00000X Análisis de conducta (autismo)
106S00000X Apoyo en análisis de conducta (autismo)
1223G0001X Odontología general (dentista)
122300000X Odontología (dentista)
261QD0000X Clínica dental
1223P0221X Odontología infantil (dentista de niños)
1223X0400X Ortodoncia (frenos)
1223S0112X Cirugía oral y maxilofacial
204E00000X Cirugía oral y maxilofacial
363L00000X Enfermería especializada
363A00000X Asistencia médica
363AM0700X Asistencia médica
207P00000X Medicina de emergencias
261QE0002X Centro de emergencias
282N00000X Hospital general
261QU0200X Centro de atención de urgencia
282NC0060X Hospital pequeño de acceso crítico
282NC2000X Hospital de niños
261QP2300X Clínica de atención primaria
261QF0400X Centro de salud comunitario con fondos federales
261QC1500X Centro de salud comunitario
261Q00000X Clínica o centro de salud
193200000X Grupo de varias especialidades
193400000X Grupo de una especialidad
3336C0003X Farmacia
333600000X Farmacia
3336C0002X Farmacia de una clínica
3336M0002X Farmacia por correo
183500000X Farmacia (profesional)
291U00000X Laboratorio (análisis)
2085R0202X Radiología (radiografías e imágenes)
261QR0200X Centro de radiografías e imágenes
261QR0208X Radiografías e imágenes a domicilio
207ZP0102X Patología
207ZP0101X Patología
332B00000X Equipo médico
332BX2000X Equipo de oxígeno
251E00000X Atención en casa
251J00000X Enfermería en casa
251G00000X Hospicio en casa
207RH0002X Cuidados paliativos y de hospicio
207QH0002X Cuidados paliativos y de hospicio
315D00000X Centro de hospicio
314000000X Centro de enfermería y rehabilitación
313M00000X Hogar de ancianos
261QE0700X Centro de diálisis
341600000X Ambulancia
343900000X Transporte médico que no es de emergencia
3416L0300X Ambulancia por tierra
207SG0201X Genética
170300000X Consejería genética
207RS0012X Medicina del sueño
2084S0012X Medicina del sueño
207QS1201X Medicina del sueño
207YS0012X Medicina del sueño
171100000X Acupuntura
225700000X Masaje terapéutico
2083X0100X Medicina del trabajo
163WW0000X Cuidado de heridas
2080N0001X Neonatología (recién nacidos)
2080P0201X Alergia e inmunología pediátricas
207XP3100X Ortopedia pediátrica (huesos y articulaciones)
2086S0120X Cirugía pediátrica
207WX0110X Oftalmología pediátrica (ojos)
152WP0200X Optometría pediátrica (examen de la vista y lentes)
2251P0200X Fisioterapia pediátrica
225XP0200X Terapia ocupacional pediátrica
2080P0203X Cuidados intensivos pediátricos
2080P0204X Medicina de emergencias pediátricas
207PP0204X Medicina de emergencias pediátricas
2080S0012X Medicina del sueño pediátrica
133VN1004X Dietética pediátrica
2080S0010X Medicina deportiva pediátrica
2080B0002X Control de peso pediátrico
207LP3000X Anestesiología pediátrica
208C00000X Cirugía de colon y recto
1223E0200X Endodoncia (conductos)
1223P0300X Periodoncia (encías)
1223P0700X Prótesis dental
222Z00000X Órtesis
224P00000X Prótesis
374J00000X Doula (compañía en el parto)
163WL0100X Lactancia
174N00000X Lactancia
163W00000X Enfermería
208M00000X Medicina hospitalaria
207RC0200X Cuidados intensivos
207VM0101X Medicina materno-fetal (embarazo de alto riesgo)
175F00000X Naturopatía
2080P0006X Desarrollo y conducta infantil
2080P0008X Desarrollo neurológico infantil
2082S0105X Cirugía de la mano
2086S0105X Cirugía de la mano
`;

/** By code of http://nucc.org/provider-taxonomy. */
export const SPANISH_SPECIALTIES: ReadonlyMap<string, string> = new Map(
  `${TABLE.trim()}\n${SPANISH_KIN.trim()}`
    .split('\n')
    .map((line): [string, string] => [line.slice(0, 10), line.slice(11)]),
);
