import type { Expectation } from '../../src/config/expectation.ts'
import { configSettings } from './config.ts'
import { ownValues } from './values.ts'

export interface Value extends Expectation {
  properties?: Record<string, Value>
  [keyword: string]: unknown
}

const configValue = ({ writeOnly: _secret, ...schema }: Expectation): Value =>
  JSON.parse(JSON.stringify(schema)) as Value

/** Every value of the chart, in the order of values.yaml. */
export function chartValues(): Record<string, Value> {
  const own = JSON.parse(JSON.stringify(ownValues)) as Record<string, Value>
  const config: Value = {
    type: 'object',
    description: 'Settings of the service. Only what differs from the default has to be here.',
    additionalProperties: false,
    properties: Object.fromEntries(configSettings.map(([name, schema]) => [name, configValue(schema)])),
  }
  const entries = Object.entries(own)
  const at = entries.findIndex(([name]) => name === 'ports')
  return Object.fromEntries([...entries.slice(0, at), ['config', config], ...entries.slice(at)])
}

/** helm/values.schema.json. */
export const valuesSchema = () => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the Baton chart',
  type: 'object',
  additionalProperties: false,
  properties: {
    global: { type: 'object', description: 'Helm gives it to every chart that is part of another.' },
    ...chartValues(),
  },
})
