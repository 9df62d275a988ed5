import { targetContract } from "../target.ts";
import { toyTarget } from "./engine.ts";

targetContract("toy", toyTarget);
