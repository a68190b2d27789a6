// Which documents are kept, by what they say they are and by how they begin: the same within a record and by address.

/** Kinds of attachment that are kept with their data. */
const KEPT_TYPE =
  /^(?:text\/(?:plain|xml|csv|rtf|markdown)|application\/(?:pdf|xml|json|rtf|dicom|fhir\+json|fhir\+xml|hl7-[\w+-]+|cda\+xml|hl7-cda\+xml)|image\/(?:jpeg|png|gif|tiff|bmp|webp|dicom-rle)|audio\/[\w.+-]+|video\/[\w.+-]+)(?:;|$)/i;

export const isKeptType = (contentType: string): boolean => KEPT_TYPE.test(contentType);

/** Does it begin as a program does: MZ with what follows it, ELF, #!? */
const PROGRAM = /^(?:TV[oqpr]|f0VMR|IyEv)/;

/** @param base64 the beginning of the bytes, or all of them */
export const isProgram = (base64: string): boolean => PROGRAM.test(base64);
