// What EXPLAIN answers: the logical plans as they were bound, the transformations that the planner made of them, and the job that would run.

import type { Transformation } from '../../plan/transformation.ts'
import { type Attributes, logicalNode, namesOf, nodeText, type TextNode, treeLines } from '../plan-text.ts'
import type { InsertPlan } from '../insert-binder.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import type { ExplainDetail } from '../syntax-tree.ts'
import { changelogModeText } from './change-kinds.ts'
import { type PlanAdvice, planAdvice } from './plan-advice.ts'
import type { PlannedJob } from './run-query.ts'

const NODE_KINDS = { source: 'Data Source', operator: 'Operator', sink: 'Data Sink' } as const

/** The plans of a job, under a heading each. @param roots What was planned: a query, or INSERTs. */
export function explainText(of: readonly (LogicalPlan | InsertPlan)[], job: PlannedJob, details: ReadonlySet<ExplainDetail['of']>): string {
  const roots = of.map((one) => ('table' in one && 'plan' in one ? insertNode(one) : logicalNode(one)))
  const advice = details.has('PLAN_ADVICE') ? planAdvice(job.planner, !job.planner.isFolded) : undefined
  const physical = new PhysicalText(job, details.has('CHANGELOG_MODE'), advice)
  const sections: (readonly [heading: string, text: string])[] = [
    ['Logical Plan', treesText(roots)],
    [advice === undefined ? 'Physical Plan' : 'Physical Plan With Advice', `${treesText(physical.trees())}${advice === undefined ? '' : adviceText(advice)}`],
  ]
  if (details.has('JSON_EXECUTION_PLAN')) sections.push(['Physical Execution Plan', JSON.stringify({ nodes: physical.nodes() }, undefined, 2)])
  return sections.map(([heading, text]) => `== ${heading} ==\n${text}\n`).join('\n')
}

function adviceText(advice: readonly PlanAdvice[]): string {
  if (advice.length === 0) return '\n\nNo available advice...'
  return `\n\n${advice.map(({ text }, index) => `advice[${index + 1}]: ${text}`).join('\n')}`
}

function treesText(roots: readonly TextNode[]): string {
  return roots.map((root) => treeLines(root).join('\n')).join('\n\n')
}

function insertNode({ table, plan }: InsertPlan): TextNode {
  return { text: nodeText('Sink', { table: table.path.join('.'), fields: namesOf(plan.columns).join(', ') }), inputs: [logicalNode(plan)] }
}

/** A transformation of the JSON document, in the shape of Flink's. */
interface JsonNode {
  readonly id: number
  readonly type: string
  readonly pact: string
  readonly contents: string
  readonly parallelism: number
  readonly predecessors?: readonly { readonly id: number; readonly ship_strategy: string }[]
}

/** Writes the transformations of a job. */
class PhysicalText {
  readonly #job: PlannedJob
  readonly #showsChanges: boolean
  readonly #advice: readonly PlanAdvice[]
  /** Those that several others read. */
  readonly #shared: ReadonlySet<Transformation>
  /** The numbers of those of them that are written. */
  readonly #references = new Map<Transformation, number>()

  constructor(job: PlannedJob, showsChanges: boolean, advice: readonly PlanAdvice[] = []) {
    this.#job = job
    this.#showsChanges = showsChanges
    this.#advice = advice
    const read = job.planner.graph.transformations.flatMap(({ edges }) => edges.map(({ from }) => from))
    this.#shared = new Set(read.filter((from, index) => read.indexOf(from) < index))
  }

  /** A tree from each sink down. What is shared is written once. */
  trees(): readonly TextNode[] {
    return this.#job.planner.graph.transformations.filter((one) => one.body.kind === 'sink' && this.#job.planner.hasMade(one)).map((sink) => this.#tree(sink))
  }

  #tree(transformation: Transformation): TextNode {
    const known = this.#references.get(transformation)
    if (known !== undefined) return { text: nodeText('Reused', { reference_id: String(known) }), inputs: [] }
    if (this.#shared.has(transformation)) this.#references.set(transformation, this.#references.size + 1)
    const text = this.#text(transformation, { reuse_id: this.#references.get(transformation)?.toString() })
    return { text, inputs: this.#inputs(transformation) }
  }

  #text(transformation: Transformation, further: Attributes = {}): string {
    const { kind, attributes, upsertKey } = this.#job.planner.noteOf(transformation)
    const advice = this.#advice.flatMap(({ of }, index) => (of.includes(transformation) ? [index + 1] : []))
    return nodeText(kind, {
      advice: advice.length === 0 ? undefined : advice.join(', '),
      ...attributes(),
      upsertKeys: upsertKey?.join(', '),
      ...this.#changes([transformation]),
      ...further,
    })
  }

  #changes(from: readonly Transformation[]): { readonly changelogMode: string | undefined } {
    const changes = from.flatMap((one) => this.#job.planner.noteOf(one).changes ?? [])
    return { changelogMode: this.#showsChanges && changes.length > 0 ? changelogModeText(changes.reduce((left, right) => left | right)) : undefined }
  }

  /** What comes to each input: an exchange where rows find their subtask anew, a union where there are several streams. */
  #inputs(transformation: Transformation): readonly TextNode[] {
    const { keys } = this.#job.planner.noteOf(transformation)
    const { edges } = transformation
    return [...new Set(edges.map(({ input }) => input))].map((input) => {
      const own = edges.filter((edge) => edge.input === input)
      const streams = own.map(({ from, partitioner }): TextNode => {
        const tree = this.#tree(from)
        if (partitioner.kind === 'forward') return tree
        const distribution = partitioner.kind === 'hash' ? `hash(${keys[input]?.join(', ') ?? 'key'})` : 'single'
        return { text: nodeText('Exchange', { distribution, ...this.#changes([from]) }), inputs: [tree] }
      })
      if (streams.length === 1) return streams[0]
      return { text: nodeText('Union', { all: 'true', ...this.#changes(own.map(({ from }) => from)) }), inputs: streams }
    })
  }

  /** The transformations with their parallelism and with what they read. */
  nodes(): readonly JsonNode[] {
    const { planner, plan } = this.#job
    const taskOf = (id: number) => plan.tasks.find(({ operators }) => operators.some(({ fused }) => fused.includes(id)))!
    return planner.graph.transformations.map((transformation): JsonNode => {
      const { id, body, edges } = transformation
      const task = taskOf(id)
      const predecessors = edges.map(({ from }, index) => {
        const isChained = taskOf(from.id) === task
        const exchange = isChained ? undefined : plan.exchanges.find(({ toTask, edgeIndex }) => toTask === task.id && edgeIndex === index)
        return { id: from.id, ship_strategy: (exchange?.partitioner ?? 'forward').toUpperCase() }
      })
      const node = {
        id,
        type: planner.noteOf(transformation).kind,
        pact: NODE_KINDS[body.kind],
        contents: this.#text(transformation),
        parallelism: task.parallelism,
      }
      return predecessors.length === 0 ? node : { ...node, predecessors }
    })
  }
}
