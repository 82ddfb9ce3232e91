// The list of trades: filtered, sorted, a page at a time. A row that is clicked shows its trade in the price chart.
const PAGE = 25;
function tradeList(root, columns, priceChart) {
  const spec = page.plots[root.dataset.list];
  const all = listed(columns, spec);
  const many = new Set(all.map((t) => t.inst)).size > 1;
  const heads = [
    ['entry', 'Entry, UTC', 't', (t) => clock(t.entry)], ['exit', 'Exit, UTC', 't', (t) => clock(t.exit)],
    ...(many ? [['inst', 'Symbol', 't', (t) => spec.symbols[t.inst]]] : []),
    ['side', 'Side', 't', (t) => (t.side > 0 ? 'long' : 'short')], ['qty', 'Quantity', 'n', (t) => written(t.qty, 'price')],
    ['in', 'Entry price', 'n', (t) => written(t.in, 'price')], ['out', 'Exit price', 'n', (t) => written(t.out, 'price')],
    ['held', 'Held', 'n', (t) => lasting(t.exit - t.entry)], ['fees', 'Fees, funding', 'n', (t) => written(t.fees, 'money')],
    ['pnl', 'PnL', 'n', (t) => written(t.pnl, 'money')], ['mae', 'Worst', 'n', (t) => written(t.mae, 'money')], ['mfe', 'Best', 'n', (t) => written(t.mfe, 'money')],
    ['reason', 'Left by', 't', (t) => spec.reasons[t.reason]],
  ];
  const value = (t, key) => (key === 'held' ? t.exit - t.entry : t[key]);
  const state = { sort: 'entry', down: false, page: 0 };
  const [thead, tbody] = [root.querySelector('thead'), root.querySelector('tbody')];
  const filters = [...root.querySelectorAll('[data-filter]')];
  const head = document.createElement('tr');
  for (const [key, words, kind] of heads) {
    const th = document.createElement('th');
    th.textContent = words; th.className = kind; th.tabIndex = 0; th.dataset.key = key;
    const sort = () => { state.down = state.sort === key ? !state.down : true; state.sort = key; state.page = 0; show(); };
    th.addEventListener('click', sort);
    th.addEventListener('keydown', (event) => { if (event.key === 'Enter') sort(); });
    head.append(th);
  }
  thead.append(head);
  function wanted(t) {
    for (const each of filters) {
      const name = each.dataset.filter;
      if (name === 'seen') { if (each.checked && priceChart && !(t.exit >= priceChart.group.a && t.entry <= priceChart.group.b)) return false; continue; }
      if (each.value === '') continue;
      const v = Number(each.value);
      if (name === 'result' ? (v > 0 ? !(t.pnl > 0) : t.pnl > 0) : t[name] !== v) return false;
    }
    return true;
  }
  function show() {
    const rows = all.filter(wanted).sort((p, q) => (value(p, state.sort) - value(q, state.sort)) * (state.down ? -1 : 1) || p.k - q.k);
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    tbody.replaceChildren(...rows.slice(state.page * PAGE, (state.page + 1) * PAGE).map((t) => {
      const tr = document.createElement('tr');
      tr.tabIndex = 0;
      for (const [key, , kind, word] of heads) {
        const td = document.createElement('td');
        td.textContent = word(t); td.className = kind + (key === 'pnl' ? (t.pnl > 0 ? ' plus' : t.pnl < 0 ? ' minus' : '') : '');
        tr.append(td);
      }
      const see = () => document.dispatchEvent(new CustomEvent('pick', { detail: t.k }));
      tr.addEventListener('click', see);
      tr.addEventListener('keydown', (event) => { if (event.key === 'Enter') see(); });
      return tr;
    }));
    for (const th of head.children) { if (th.dataset.key === state.sort) th.setAttribute('aria-sort', state.down ? 'descending' : 'ascending'); else th.removeAttribute('aria-sort'); }
    const sum = rows.reduce((s, t) => s + t.pnl, 0);
    root.querySelector('[data-count]').textContent = `${digits(rows.length)} of ${digits(all.length)} trades, ${sum >= 0 ? '+' : ''}${written(sum, 'money')} ${spec.unitName}, page ${state.page + 1} of ${digits(pages)}`;
  }
  for (const each of filters) each.addEventListener('change', () => { state.page = 0; show(); });
  for (const each of root.querySelectorAll('[data-page]')) each.addEventListener('click', () => { state.page += Number(each.dataset.page); show(); });
  document.addEventListener('range', () => { if (root.querySelector('[data-filter="seen"]').checked) { state.page = 0; show(); } });
  document.addEventListener('pick', (event) => {
    const t = all[event.detail];
    if (!t || !priceChart || !priceChart.pick(t.inst)) return;
    priceChart.picked = t.k;
    const air = Math.max((t.exit - t.entry) * 0.8, priceChart.group.least * 2);
    setRange(priceChart.group, t.entry - air, t.exit + air);
    priceChart.figure.scrollIntoView({ block: 'nearest' });
  });
  if (!priceChart) root.querySelector('[data-filter="seen"]')?.closest('label').remove();
  show();
}
