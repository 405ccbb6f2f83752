import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", ".pgwright", "bench/out"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  // Names of objects reach the terminal only through what makes them visible.
  {
    files: ["{adopt,cli,components,provider,report}/**/*.ts", "index.ts"],
    ignores: ["cli/print.ts"],
    rules: { "no-console": "error" },
  },
  // Rows of queries are checked when they are read.
  {
    files: ["{adopt,backup,cli,provider}/**/*.ts"],
    ignores: ["provider/catalog-query.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...[
          "CallExpression[callee.property.name='query'][typeArguments]",
          "VariableDeclarator > AwaitExpression > CallExpression[callee.property.name='query']",
          "MemberExpression[property.name='rows'] > AwaitExpression > CallExpression[callee.property.name='query']",
          "TSAsExpression > AwaitExpression > CallExpression[callee.property.name='query']",
        ].map((selector) => ({ selector, message: "Read rows with readRows or rowsOf of provider/catalog-query.ts." })),
      ],
    },
  },
  { files: ["**/*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly" } } },
  {
    files: ["**/*.cjs"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { require: "readonly", __dirname: "readonly", process: "readonly" },
    },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
