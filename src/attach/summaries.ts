/**
 * Constants that say of several others at once whether any of them asks something. A question that was not asked costs a
 * packet nothing but its constant; two dozen of them are not nothing.
 */
type Constants = Readonly<Record<string, number>>;

const partners = ['leave_note', 'skip_noted', 'skip_armed', 'skip_entered'];

/** What asks nothing; of all others that is 0. */
const nothing: Constants = { max_len: 0xffff_ffff };

/** Each is 1 unless all these ask nothing or are left out (bpf/maps.h, bpf/select.h). */
const groups: Readonly<Record<string, readonly string[]>> = {
  asks_partner: partners,
  asks_origin: [
    ...['only_netns', 'select_netns', 'select_devices', 'follow_sets', 'look_back', 'filter_extensions'],
    ...partners,
  ],
  asks_metadata: [
    ...['select_direction', 'min_len', 'max_len', 'select_mark', 'select_reasons', 'select_pids'],
    ...['select_comms', 'select_uids', 'sample_flows'],
  ],
};

function asks(constants: Constants, name: string): boolean {
  const neutral = nothing[name] ?? 0;
  return (constants[name] ?? neutral) !== neutral;
}

export function withSummaries(constants: Constants): Constants {
  const summaries = Object.entries(groups).map(([name, members]) => [
    name,
    Number(members.some((member) => asks(constants, member))),
  ]);
  return { ...constants, ...Object.fromEntries(summaries) };
}
