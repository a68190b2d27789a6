/** Mends the database driver in node_modules. @throws Error when it is another one than the mending is for */
export function patchDriver(): void;
