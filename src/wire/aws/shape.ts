/**
 * The input and output of an operation, as in the service's model. The parsers and printers of both protocols traverse
 * these shapes, and `ValueOf` derives the TypeScript type of the value from them.
 */
export type Shape =
  | StringShape
  | IntegerShape
  | BooleanShape
  | TimestampShape
  | ListShape
  | MapShape
  | StructureShape;

export interface StringShape {
  readonly kind: "string";
  /** In UTF-16 code units, as AWS counts them. */
  readonly lengthMin?: number;
  readonly lengthMax: number;
  /** Must match the whole value in linear time. */
  readonly pattern?: RegExp;
}

/** 32 bits, signed. */
export interface IntegerShape {
  readonly kind: "integer";
  /** Inclusive. The Query services describe bounds in their own words, and omit both. */
  readonly min?: number;
  readonly max?: number;
}

export interface BooleanShape {
  readonly kind: "boolean";
}

export interface TimestampShape {
  readonly kind: "timestamp";
}

export interface ListShape<Member extends Shape = Shape> {
  readonly kind: "list";
  readonly member: Member;
  /** Between the list's name and the number on input, and the element of a member on output. */
  readonly memberName: string;
  readonly lengthMax: number;
}

/** From strings to strings. */
export interface MapShape {
  readonly kind: "map";
  readonly key: StringShape;
  readonly value: StringShape;
  readonly lengthMax: number;
}

export interface StructureShape<
  Required extends ShapeTable = ShapeTable,
  Optional extends ShapeTable = ShapeTable,
> {
  readonly kind: "structure";
  readonly required: Required;
  readonly optional: Optional;
}

export type ShapeTable = { readonly [name: string]: Shape };

export type ValueOf<S> = S extends { readonly kind: "string" }
  ? string
  : S extends { readonly kind: "integer" }
    ? number
    : S extends { readonly kind: "boolean" }
      ? boolean
      : S extends { readonly kind: "timestamp" }
        ? Date
        : S extends { readonly kind: "map" }
          ? Readonly<Record<string, string>>
          : S extends { readonly kind: "list"; readonly member: infer Member }
            ? readonly ValueOf<Member>[]
            : S extends {
                  readonly kind: "structure";
                  readonly required: infer Required;
                  readonly optional: infer Optional;
                }
              ? { readonly [Name in keyof Required]: ValueOf<Required[Name]> } & {
                  readonly [Name in keyof Optional]?: ValueOf<Optional[Name]> | undefined;
                }
              : never;
