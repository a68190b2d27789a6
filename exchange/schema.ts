// All tables of the exchange.
export * from './compliance/schema.ts';
export * from './members/schema.ts';
export * from './peers/schema.ts';
export * from './postgres-schema.ts';
export * from './reconcile/schema.ts';
export * from './records/schema.ts';
export * from './requester/schema.ts';
export * from './responder/schema.ts';
export * from './staff/data/schema.ts';
