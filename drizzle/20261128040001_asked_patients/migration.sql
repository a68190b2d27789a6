-- safe
-- Members by a birth date, and by an identifier that their Patient carries: a payer for which very many were matched asks so, without
-- naming any, and each of them was looked at.
create index member_profile_dob on exchange.member_profile using gin (dob);
--> statement-breakpoint
create index resource_patient_identifier on exchange.resource using gin (exchange.identifier_hashes(body)) where type = 'Patient';
