// The PostgreSQL schema of the exchange, whose tables the subjects describe.
import { snakeCase } from 'drizzle-orm/pg-core';

export const exchange = snakeCase.schema('exchange');
