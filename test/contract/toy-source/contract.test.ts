import { sourceContract } from "../source.ts";
import { toyDatabase } from "./toy-database.ts";

sourceContract("toy", toyDatabase);
