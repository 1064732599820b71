import process from 'node:process'
import { createApp } from './app.ts'
import { runService } from './service.ts'

await runService({ process, createApp })
