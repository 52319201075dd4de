// What a page's filters are set to, in its address: #source=transactions&reason=zero_amount. An
// address without a = is a place on the page.
"use strict";

window.benepassAddress = (() => {
  const read = () => {
    const text = window.location.hash.slice(1);
    return new URLSearchParams(text.includes("=") ? text : "");
  };

  // Set some values, without a step in the history; an empty one is left out.
  const write = (values) => {
    const all = read();
    for (const [name, value] of Object.entries(values)) {
      if (value) all.set(name, value);
      else all.delete(name);
    }
    const { pathname, search } = window.location;
    window.history.replaceState(null, "", all.size ? `#${all}` : pathname + search);
  };

  // Choose an option, if there is one with the value.
  const choose = (select, value) => {
    const has = [...select.options].some((option) => option.value === value);
    select.value = has ? value : select.options[0].value;
  };

  return { read, write, choose };
})();
