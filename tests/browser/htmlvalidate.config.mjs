// What the HTML of the pages is held to.
export default {
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:a11y"],
  rules: {
    "doctype-style": ["error", { style: "lowercase" }],
    // All files are the site's own.
    "require-sri": ["error", { target: "crossorigin" }],
    "valid-id": ["error", { relaxed: true }],
    "aria-label-misuse": ["error", { allowAnyNamable: true }],
    // A table that is shown as cards loses its roles where its CSS says `display: block`.
    "no-redundant-role": "off",
    // No native element searches as one types.
    "prefer-native-element": ["error", { exclude: ["combobox", "listbox"] }],
    // The CSS fits a figure into its tile by how many letters it has.
    "no-inline-style": ["error", { allowedProperties: ["--letters"] }],
    // Filters take effect at once: nothing is submitted.
    "wcag/h32": "off",
  },
};
