// Holds a manifest against the schemas of Kubernetes: node tests/kubernetes.mjs FOLDER MANIFEST, where FOLDER has
// node_modules with kubernetes-models and js-yaml. Prints each object, or what is wrong with it.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [folder, manifest] = process.argv.slice(2);
const require = createRequire(resolve(folder, "package.json"));
const yaml = require("js-yaml");

// "apps/v1" Deployment is IoK8sApiAppsV1Deployment, "v1" Secret IoK8sApiCoreV1Secret.
function findValidator({ apiVersion, kind }) {
    const words = (apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`).split("/");
    const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join("");
    return require(resolve(folder, `node_modules/kubernetes-models/_schemas/IoK8sApi${name}${kind}.js`)).validate;
}

// The schemas let fields pass that they do not know. A validator reads all that it knows, so those that it never reads are
// misspelled.
function watch(value, path, unread) {
    if (typeof value !== "object" || value === null) return value;
    const children = Array.isArray(value) ? [] : {};
    for (const key of Object.keys(value)) {
        children[key] = watch(value[key], `${path}/${key}`, unread);
        if (!Array.isArray(value)) unread.add(`${path}/${key}`);
    }
    return new Proxy(children, {
        get(target, key) {
            unread.delete(`${path}/${String(key)}`);
            return target[key];
        },
    });
}

for (const object of yaml.loadAll(readFileSync(manifest, "utf8"))) {
    const validate = findValidator(object);
    const unread = new Set();
    const good = validate(watch(object, "", unread));
    const wrong = (validate.errors ?? []).map((error) => `${error.instancePath} ${JSON.stringify(error.params)}`);
    if (good) for (const path of unread) wrong.push(`${path} is no field`);
    console.log(`${object.kind} ${object.metadata.name}: ${wrong.join("; ") || "good"}`);
    if (wrong.length) process.exitCode = 1;
}
