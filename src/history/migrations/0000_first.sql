CREATE TABLE `containers` (
	`id` text PRIMARY KEY NOT NULL,
	`created_at` text NOT NULL,
	`deleted_at` text,
	`paused` integer DEFAULT false NOT NULL,
	`quarantined` integer DEFAULT false NOT NULL,
	`daemon_state` text DEFAULT 'stopped' NOT NULL,
	`daemon_session_id` text,
	`daemon_pid` integer,
	`daemon_pod` text,
	`daemon_health` text,
	`head_seq` integer DEFAULT 0 NOT NULL,
	`oldest_seq` integer DEFAULT 1 NOT NULL,
	`floor_seq` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE `events` (
	`container_id` text NOT NULL,
	`seq` integer NOT NULL,
	`type` text NOT NULL,
	`instruction_id` text,
	`time` text NOT NULL,
	`data` text NOT NULL,
	PRIMARY KEY(`container_id`, `seq`)
);
--> statement-breakpoint
CREATE INDEX `events_time` ON `events` (`time`);--> statement-breakpoint
CREATE TABLE `instructions` (
	`id` text PRIMARY KEY NOT NULL,
	`container_id` text NOT NULL,
	`ordinal` integer NOT NULL,
	`seq` integer NOT NULL,
	`state` text NOT NULL,
	`text` text NOT NULL,
	`resume_policy` text,
	`session_id` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`interruptions` text DEFAULT '[]' NOT NULL,
	`result` text,
	`error` text,
	`usage` text,
	`cost` real,
	`created_at` text NOT NULL,
	`started_at` text,
	`finished_at` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `instructions_ordinal` ON `instructions` (`ordinal`);--> statement-breakpoint
CREATE INDEX `instructions_container` ON `instructions` (`container_id`,`ordinal`);--> statement-breakpoint
CREATE INDEX `instructions_container_state` ON `instructions` (`container_id`,`state`,`ordinal`);--> statement-breakpoint
CREATE INDEX `instructions_state` ON `instructions` (`state`);--> statement-breakpoint
CREATE INDEX `instructions_finished` ON `instructions` (`finished_at`);--> statement-breakpoint
CREATE INDEX `instructions_unfinished` ON `instructions` (`container_id`,`ordinal`) WHERE finished_at is null;--> statement-breakpoint
CREATE TABLE `meta` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `pods` (
	`pod` text PRIMARY KEY NOT NULL,
	`started_at` text,
	`stopped_at` text,
	`report` text
);
