// Spanish for the kinds of specialty-kin.ts: plain words, ours, as in specialty-spanish.ts. Codes of the Health Care Provider
// Taxonomy (© American Medical Association, see NOTICE).

/** Lines of a code and its name. */
export const SPANISH_KIN = `
103TA0400X Psicología de las adicciones
103TA0700X Psicología de personas adultas y mayores
103TB0200X Psicología cognitiva y de la conducta
103TC1900X Psicología: consejería
103TE1000X Psicología educativa
103TE1100X Psicología del ejercicio y del deporte
103TF0000X Psicología de la familia
103TF0200X Psicología forense (tribunales)
103TP2701X Psicoterapia de grupo
103TH0004X Psicología de la salud
103TH0100X Psicología en servicios de salud
103TM1700X Psicología para hombres
103TM1800X Psicología de la discapacidad intelectual y del desarrollo
103TP0016X Psicología con receta de medicamentos
103TP0814X Psicoanálisis
103TP2700X Psicoterapia
103TR0400X Psicología de la rehabilitación
103TS0200X Psicología escolar
103TW0100X Psicología para mujeres
111NI0013X Quiropráctica: exámenes médicos independientes
111NI0900X Quiropráctica: enfermedades internas
111NN0400X Quiropráctica: nervios
111NN1001X Quiropráctica: nutrición
111NX0100X Quiropráctica: salud en el trabajo
111NX0800X Quiropráctica: huesos y articulaciones
111NP0017X Quiropráctica infantil
111NR0200X Quiropráctica: radiografías
111NR0400X Quiropráctica: rehabilitación
111NS0005X Quiropráctica deportiva
111NT0100X Quiropráctica: termografía
213EG0000X Podología general (pies)
213EP1101X Podología de atención primaria (pies)
213EP0504X Podología en salud pública (pies)
213ER0200X Podología: radiografías (pies)
213ES0000X Podología deportiva (pies)
152WC0802X Optometría: córnea y lentes de contacto
152WL0500X Optometría: baja visión
152WX0102X Optometría: la vista en el trabajo
152WS0006X Optometría deportiva
152WV0400X Optometría: terapia visual
156FX1800X Óptica (lentes)
2251C2600X Fisioterapia del corazón y los pulmones
2251E1300X Fisioterapia: estudios de nervios y músculos
2251E1200X Fisioterapia: ergonomía
2251G0304X Fisioterapia para personas mayores
2251H1200X Fisioterapia de la mano
2251H1300X Fisioterapia: factores humanos
2251N0400X Fisioterapia neurológica
2251S0007X Fisioterapia deportiva
225XR0403X Terapia ocupacional: manejo y movilidad
225XE0001X Terapia ocupacional: adaptación del hogar
225XE1200X Terapia ocupacional: ergonomía
225XF0002X Terapia ocupacional: comer y tragar
225XG0600X Terapia ocupacional para personas mayores
225XH1200X Terapia ocupacional de la mano
225XH1300X Terapia ocupacional: factores humanos
225XL0004X Terapia ocupacional: baja visión
225XM0800X Terapia ocupacional en salud mental
225XN1300X Terapia ocupacional: rehabilitación neurológica
225XP0019X Terapia ocupacional: rehabilitación física
231HA2400X Audiología: tecnología de apoyo
231HA2500X Audiología: venta de tecnología de apoyo
237700000X Audífonos
3336C0004X Farmacia de preparados a medida
3336H0001X Farmacia de infusión en casa
3336I0012X Farmacia de una institución
3336L0003X Farmacia de cuidados a largo plazo
3336M0003X Farmacia de un plan de salud
3336N0007X Farmacia nuclear
3336S0011X Farmacia de medicamentos especializados
1835P2201X Farmacia en atención ambulatoria (profesional)
1835C0206X Farmacia en cardiología (profesional)
1835C0207X Farmacia de preparados estériles (profesional)
1835C0205X Farmacia en cuidados intensivos (profesional)
1835E0208X Farmacia en emergencias (profesional)
1835G0000X Farmacia general (profesional)
1835G0303X Farmacia para personas mayores (profesional)
1835I0206X Farmacia en infecciones (profesional)
1835N0905X Farmacia nuclear (profesional)
1835N1003X Farmacia en apoyo nutricional (profesional)
1835X0200X Farmacia en cáncer (profesional)
1835P0200X Farmacia pediátrica (profesional)
1835P0018X Farmacia clínica (profesional)
1835P1200X Farmacoterapia (profesional)
1835P1300X Farmacia en salud mental (profesional)
1835S0206X Farmacia en trasplantes (profesional)
363LA2100X Enfermería especializada en cuidados agudos
363LA2200X Enfermería especializada en salud de adultos
363LC1500X Enfermería especializada en salud comunitaria
363LC0200X Enfermería especializada en cuidados intensivos
363LG0600X Enfermería especializada en personas mayores
363LN0000X Enfermería especializada en recién nacidos
363LN0005X Enfermería especializada en cuidados intensivos de recién nacidos
363LX0106X Enfermería especializada en salud en el trabajo
363LP0222X Enfermería especializada en cuidados intensivos pediátricos
363LP1700X Enfermería especializada en atención perinatal
363LS0200X Enfermería especializada en salud escolar
363LW0102X Enfermería especializada en salud de la mujer
363AS0400X Asistencia médica en cirugía
1041S0200X Trabajo social escolar
101YP1600X Consejería pastoral
101YS0200X Consejería escolar
133VN1101X Dietética para personas mayores
133VN1006X Dietética del metabolismo
133VN1201X Dietética: control de peso
133VN1301X Dietética en cáncer
133VN1401X Dietética en cuidados intensivos pediátricos
133VN1005X Dietética en enfermedad de los riñones
133VN1501X Dietética deportiva
133NN1002X Educación en nutrición
207NI0002X Dermatología: inmunología y laboratorio (piel)
207ND0900X Dermatopatología (estudio de la piel)
207NS0135X Dermatología con procedimientos (piel)
207WX0120X Córnea (ojos)
207WX0009X Glaucoma (ojos)
207WX0109X Neurooftalmología (ojos y nervios)
207WX0200X Cirugía plástica y reconstructiva de los ojos
207WX0108X Uveítis e inflamación de los ojos
2088F0040X Uroginecología (vejiga y suelo pélvico)
2084E0001X Epilepsia
2084N0600X Neurofisiología clínica (cerebro y nervios)
2084N0008X Medicina neuromuscular (nervios y músculos)
2084P0802X Psiquiatría de las adicciones
2084P0805X Psiquiatría de personas mayores
2084P0015X Medicina psicosomática
2084F0202X Psiquiatría forense (tribunales)
364SP0808X Enfermería clínica en salud mental
364SP0809X Enfermería clínica en salud mental de adultos
364SP0807X Enfermería clínica en salud mental infantil y juvenil
364SP0810X Enfermería clínica en salud mental de niños y familias
364SP0811X Enfermería clínica en salud mental de enfermos crónicos
364SP0812X Enfermería clínica en salud mental comunitaria
364SP0813X Enfermería clínica en salud mental de personas mayores
207VF0040X Uroginecología (vejiga y suelo pélvico)
207XX0004X Cirugía del pie y del tobillo
207XX0801X Traumatología (fracturas y lesiones)
207KI0005X Inmunología clínica y de laboratorio
207YS0123X Cirugía plástica de la cara
207YX0602X Alergias de oídos, nariz y garganta
207YX0905X Otorrinolaringología y cirugía plástica de la cara
207YX0901X Otología (oído y equilibrio)
207YX0007X Cirugía plástica de la cabeza y el cuello
207PE0004X Servicios médicos de emergencia
207PH0002X Cuidados paliativos y de hospicio
207PT0002X Toxicología (envenenamientos)
207PS0010X Medicina deportiva
207PE0005X Medicina subacuática e hiperbárica
207ZB0001X Banco de sangre y transfusiones
207ZP0104X Patología química (laboratorio)
207ZC0008X Informática clínica
207ZC0006X Patología clínica (laboratorio)
207ZP0105X Patología clínica y medicina de laboratorio
207ZC0500X Citopatología (estudio de células)
207ZD0900X Dermatopatología (estudio de la piel)
207ZF0201X Patología forense
207ZH0000X Hematología de laboratorio (sangre)
207ZI0100X Inmunopatología
207ZM0300X Microbiología médica
207ZP0007X Patología genética molecular
207ZN0500X Neuropatología (cerebro y nervios)
207ZP0213X Patología pediátrica
2085B0100X Radiología del cuerpo (imágenes)
2085D0003X Neurorradiología (imágenes del cerebro)
2085N0700X Neurorradiología (imágenes del cerebro)
2085N0904X Radiología nuclear (imágenes)
2085R0205X Física de la radiología
2085R0203X Radioterapia
2085R0204X Radiología vascular e intervencionista
2085U0001X Ecografía (imágenes)
207RA0001X Insuficiencia y trasplante de corazón
207RA0002X Cardiopatías de nacimiento en adultos (corazón)
207UN0901X Cardiología nuclear (corazón)
207RH0005X Hipertensión (presión alta)
207RT0003X Trasplante de hígado
2080A0000X Medicina de adolescentes
2086X0206X Cirugía del cáncer
2086S0127X Cirugía de traumatismos (heridas y accidentes)
2086S0102X Cuidados intensivos en cirugía
2086H0002X Cuidados paliativos y de hospicio
204F00000X Cirugía de trasplantes
163WA0400X Enfermería en adicciones
163WA2000X Enfermería: administración
163WP2201X Enfermería en atención ambulatoria
163WC3500X Enfermería en rehabilitación del corazón
163WC0400X Enfermería: coordinación de casos
163WC1400X Enfermería en salud universitaria
163WC1500X Enfermería en salud comunitaria
163WC2100X Enfermería en continencia
163WC1600X Enfermería: formación del personal
163WC0200X Enfermería en cuidados intensivos
163WD0400X Enfermería: educación en diabetes
163WD1100X Enfermería en diálisis peritoneal
163WE0003X Enfermería en emergencias
163WE0900X Enfermería en estomas
163WF0300X Enfermería de vuelo (traslado aéreo)
163WG0100X Enfermería en gastroenterología (estómago y digestión)
163WG0000X Enfermería general
163WG0600X Enfermería para personas mayores
163WH0500X Enfermería en hemodiálisis
163WH0200X Enfermería en casa
163WH1000X Enfermería en hospicio
163WI0600X Enfermería: control de infecciones
163WI0500X Enfermería en terapia de infusión
163WM0102X Enfermería para madres y recién nacidos
163WM0705X Enfermería médica y quirúrgica
163WN0002X Enfermería en cuidados intensivos de recién nacidos
163WN0003X Enfermería para recién nacidos de bajo riesgo
163WN0300X Enfermería en nefrología (riñones)
163WN0800X Enfermería en neurociencias (cerebro y nervios)
163WM1400X Enfermería: masaje terapéutico
163WN1003X Enfermería en apoyo nutricional
163WX0002X Enfermería en embarazo de alto riesgo
163WX0003X Enfermería de obstetricia en el hospital
163WX0106X Enfermería en salud en el trabajo
163WX0200X Enfermería en cáncer
163WX1100X Enfermería en oftalmología (ojos)
163WX0800X Enfermería en ortopedia (huesos y articulaciones)
163WX1500X Enfermería en cuidado de ostomías
163WX0601X Enfermería en oídos, nariz y garganta
163WP0000X Enfermería en manejo del dolor
163WP0218X Enfermería en cáncer infantil
163WP0200X Enfermería pediátrica
163WP1700X Enfermería perinatal
163WS0121X Enfermería en cirugía plástica
163WP0808X Enfermería en salud mental
163WP0809X Enfermería en salud mental de adultos
163WP0807X Enfermería en salud mental infantil y juvenil
163WR0006X Enfermería: primera asistencia en cirugía
163WR0400X Enfermería en rehabilitación
163WR1000X Enfermería en fertilidad
163WS0200X Enfermería escolar
163WU0100X Enfermería en urología (vejiga y próstata)
163WW0101X Enfermería en salud de la mujer
204C00000X Medicina deportiva
2083S0010X Medicina deportiva
2081P2900X Manejo del dolor
2084P2900X Manejo del dolor
282NR1301X Hospital rural
282NW0100X Hospital de la mujer
282E00000X Hospital de cuidados a largo plazo
282J00000X Institución religiosa de cuidados no médicos
281P00000X Hospital de enfermedades crónicas
281PC2000X Hospital de niños con enfermedades crónicas
283Q00000X Hospital psiquiátrico
283X00000X Hospital de rehabilitación
283XC2000X Hospital de rehabilitación infantil
284300000X Hospital especializado
291900000X Laboratorio militar (análisis)
253Z00000X Ayuda en casa
3140N1450X Centro de enfermería para niños
3416A0800X Ambulancia aérea
3416S0300X Ambulancia acuática
343800000X Transporte médico con seguridad
332BC3200X Equipo médico a medida
332BD1200X Equipo y materiales de diálisis
332BN1400X Materiales para centros de enfermería
332BP3500X Materiales de nutrición por vena o sonda
2083P0500X Medicina preventiva del trabajo y del ambiente
2081P0301X Lesiones del cerebro
2081H0002X Cuidados paliativos y de hospicio
2081N0008X Medicina neuromuscular (nervios y músculos)
2081P0010X Rehabilitación pediátrica
2081P0004X Lesiones de la médula espinal
2081S0010X Medicina deportiva
2082S0099X Cirugía plástica de la cabeza y el cuello
1223D0001X Odontología en salud pública (dentista)
207RA0000X Medicina de adolescentes
207LH0002X Cuidados paliativos y de hospicio
2084H0002X Cuidados paliativos y de hospicio
2085H0002X Cuidados paliativos y de hospicio
207VH0002X Cuidados paliativos y de hospicio
2083A0300X Medicina de adicciones
207LA0401X Medicina de adicciones
`;
