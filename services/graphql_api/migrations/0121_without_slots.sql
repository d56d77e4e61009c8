DROP TRIGGER bound_quality_reports ON quality_reports;
DROP TRIGGER bound_report_schedules ON report_schedules;
DROP TRIGGER move_report_schedules ON graphql_apps;
DROP TRIGGER move_report_schedules ON acqi_tenants;
DROP FUNCTION public.bound_quality_reports(), public.bound_report_schedules(), public.move_report_schedules();
DROP FUNCTION public.turn_of(text), public.is_known(text);
DROP INDEX graphql_apps_of_tenant;
ALTER TABLE quality_reports DROP COLUMN turn_of, DROP COLUMN slot;
ALTER TABLE report_schedules DROP COLUMN turn_of, DROP COLUMN slot;
